"""The gallery's resources in REST shape, and their addresses."""

from typing import TYPE_CHECKING, Any

from vmpack.manifest.model import Manifest, TargetRegion
from vmpack.types import JSONValue

if TYPE_CHECKING:  # the installer's room would make the rules slow to import
    from vmpack.installer.model import Commands

API_VERSION = "2024-03-03"
"""The first with everything vmpack uses: scriptBehaviorAfterReboot and PremiumV2_LRS came with it."""
_SYSTEMS = {"linux": "Linux", "windows": "Windows"}


def version_resource(manifest: Manifest, commands: "Commands") -> dict[str, JSONValue]:
    """Give the gallery application version without its links: only what the manifest gives, plus file names.

    File names are always there: the service's defaults have no extension, and its documentation and its agent
    disagree on the config's (``<name>-config``, ``<name>_config``).
    """
    profile = _given(
        manageActions=_given(install=commands.install, remove=commands.remove, update=commands.update),
        settings=_given(
            packageFileName=manifest.package_file_name,
            configFileName=manifest.config.file_name if manifest.config else None,
            scriptBehaviorAfterReboot=manifest.document.get("scriptBehaviorAfterReboot"),
        ),
        targetRegions=[_region(region) for region in manifest.target_regions] or None,
        replicaCount=manifest.replica_count,
        excludeFromLatest=manifest.exclude_from_latest,
        endOfLifeDate=rfc3339(manifest.end_of_life_date) if manifest.end_of_life_date else None,
        storageAccountType=manifest.storage_account_type,
    )
    allow = manifest.allow_deletion_of_replicated_locations
    safety = None if allow is None else {"allowDeletionOfReplicatedLocations": allow}
    properties = _given(publishingProfile=profile, safetyProfile=safety)
    return _given(location=manifest.location, properties=properties)


def with_links(
    resource: dict[str, Any], media_link: str, default_configuration_link: str | None = None
) -> dict[str, Any]:
    """Give the complete body for a PUT: the resource with its ``source``. The links may hold a signature."""
    source = _given(mediaLink=media_link, defaultConfigurationLink=default_configuration_link)
    properties = resource["properties"]
    profile = {"source": source, **properties["publishingProfile"]}
    return {**resource, "properties": {**properties, "publishingProfile": profile}}


def application_resource(manifest: Manifest) -> dict[str, JSONValue]:
    """Give the gallery application that the version belongs to."""
    properties = _given(
        supportedOSType=_SYSTEMS[manifest.os],
        description=manifest.description,
        eula=manifest.eula,
        privacyStatementUri=manifest.privacy_statement_uri,
        releaseNoteUri=manifest.release_note_uri,
    )
    return _given(location=manifest.location, properties=properties)


def application_url(subscription: str, group: str, gallery: str, application: str) -> str:
    """Give the path and query of an application resource, for ``az rest`` or any ARM client."""
    return f"{_application_path(subscription, group, gallery, application)}?api-version={API_VERSION}"


def version_url(subscription: str, group: str, gallery: str, application: str, version: str) -> str:
    """Give the path and query of a version resource, for ``az rest`` or any ARM client."""
    path = _application_path(subscription, group, gallery, application)
    return f"{path}/versions/{_segment(version)}?api-version={API_VERSION}"


def rfc3339(moment: str) -> str:
    """Make a day the first moment of it in UTC; leave a time as it is."""
    return f"{moment}T00:00:00Z" if len(moment) == len("2030-01-01") else moment.upper()


def _application_path(subscription: str, group: str, gallery: str, application: str) -> str:
    return (
        f"/subscriptions/{_segment(subscription)}/resourceGroups/{_segment(group)}"
        f"/providers/Microsoft.Compute/galleries/{_segment(gallery)}/applications/{_segment(application)}"
    )


def _segment(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="")


def _region(region: TargetRegion) -> dict[str, JSONValue]:
    return _given(
        name=region.name,
        regionalReplicaCount=region.regional_replica_count,
        storageAccountType=region.storage_account_type,
        excludeFromLatest=region.exclude_from_latest,
    )


def _given(**members: JSONValue) -> dict[str, JSONValue]:
    return {key: value for key, value in members.items() if value is not None}
