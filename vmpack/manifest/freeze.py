"""From a document that fits the schema to the frozen ``Manifest``, and back to what a package carries."""

from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, cast

from vmpack.manifest.model import (
    Check,
    Config,
    InstallerRef,
    Manifest,
    Payload,
    PublishDefaults,
    Source,
    TargetRegion,
    VerbatimActions,
)
from vmpack.types import JSONValue, Os

_SUFFIX = {"linux": ".tar", "windows": ".zip"}


def freeze(source: Source, document: Mapping[str, Any]) -> Manifest:
    """Make the manifest of a resolved document that fits the schema."""
    name, os_name = document["name"], document["os"]
    payload = _payload(document.get("payload", {}), os_name)
    pass_through = payload.format == "none"
    default_name = "" if pass_through else f"{name}{_SUFFIX[os_name]}"
    return Manifest(
        source=source,
        document=document,
        name=name,
        version=document["version"],
        os=os_name,
        payload=payload,
        package_file_name=document.get("packageFileName", default_name),
        installer=_installer(document.get("installer")),
        actions=VerbatimActions(**document["actions"]) if "actions" in document else None,
        config=_config(document.get("config")),
        description=document.get("description"),
        eula=document.get("eula"),
        privacy_statement_uri=document.get("privacyStatementUri"),
        release_note_uri=document.get("releaseNoteUri"),
        end_of_life_date=document.get("endOfLifeDate"),
        exclude_from_latest=document.get("excludeFromLatest"),
        location=document.get("location"),
        target_regions=tuple(_region(region) for region in document.get("targetRegions", ())),
        replica_count=_whole(document.get("replicaCount")),
        storage_account_type=document.get("storageAccountType"),
        reboot_behavior=document.get("scriptBehaviorAfterReboot", "None"),
        allow_deletion_of_replicated_locations=document.get("safetyProfile", {}).get(
            "allowDeletionOfReplicatedLocations"
        ),
        checks=tuple(_check(index, check) for index, check in enumerate(document.get("tests", ()), start=1)),
        retains=tuple(document.get("retains", ())),
        publish=_publish(document.get("publish", {})),
    )


def embedded(manifest: Manifest) -> dict[str, JSONValue]:
    """Give the ``vmapp.json`` that a package carries: resolved, defaults filled in, in a fixed order.

    Nothing of the build host is in it: the payload's root is gone, the config file is its name alone, and the
    publish defaults stay at home. It is resolved: a ``${`` in it is literal and must not be expanded again.
    """
    document: dict[str, Any] = {
        key: _plain(manifest.document[key]) for key in _CARRIED if key in manifest.document
    }
    document["payload"] = _without_none(
        include=list(manifest.payload.include),
        exclude=list(manifest.payload.exclude),
        executable=list(manifest.payload.executable),
        format=manifest.payload.format,
        level=manifest.payload.level,
    )
    if manifest.package_file_name:
        document["packageFileName"] = manifest.package_file_name
    if manifest.config:
        name = manifest.config.file_name
        document["config"] = {"file": name, "fileName": name}
    document["scriptBehaviorAfterReboot"] = manifest.reboot_behavior
    if manifest.checks:
        document["tests"] = [
            {"name": check.name, "run": check.run, "timeoutSeconds": check.timeout}
            for check in manifest.checks
        ]
    return {key: document[key] for key in _ORDER if key in document}


_ORDER = (
    "name",
    "version",
    "os",
    "description",
    "eula",
    "privacyStatementUri",
    "releaseNoteUri",
    "endOfLifeDate",
    "excludeFromLatest",
    "location",
    "targetRegions",
    "replicaCount",
    "storageAccountType",
    "scriptBehaviorAfterReboot",
    "safetyProfile",
    "packageFileName",
    "payload",
    "config",
    "installer",
    "actions",
    "tests",
    "retains",
)
_MADE = ("payload", "config", "tests", "packageFileName", "scriptBehaviorAfterReboot")
_CARRIED = tuple(key for key in _ORDER if key not in _MADE)


def _payload(given: Mapping[str, Any], os_name: Os) -> Payload:
    return Payload(
        root=given.get("root", "files"),
        include=tuple(given.get("include", ("**",))),
        exclude=tuple(given.get("exclude", ())),
        executable=tuple(given.get("executable", ())),
        format=given.get("format", "tar.zst" if os_name == "linux" else "zip"),
        level=_whole(given.get("level")),
    )


def _installer(given: Mapping[str, Any] | None) -> InstallerRef | None:
    return InstallerRef(given["template"], given.get("params", {})) if given is not None else None


def _config(given: Mapping[str, Any] | None) -> Config | None:
    if given is None:
        return None
    # A manifest written on Windows may say config\app.json; no name on the VM holds a backslash anyway.
    base = PureWindowsPath(given["file"]).name or PurePosixPath(given["file"]).name
    return Config(given["file"], given.get("fileName", base))


def _region(given: Mapping[str, Any]) -> TargetRegion:
    return TargetRegion(
        name=given["name"],
        regional_replica_count=_whole(given.get("regionalReplicaCount")),
        storage_account_type=given.get("storageAccountType"),
        exclude_from_latest=given.get("excludeFromLatest"),
        encryption=given.get("encryption"),
    )


def _check(number: int, given: Mapping[str, Any]) -> Check:
    timeout = _whole(given.get("timeoutSeconds"))
    name = given.get("name", f"check {number}")
    return Check(name, given["run"]) if timeout is None else Check(name, given["run"], timeout)


def _publish(given: Mapping[str, Any]) -> PublishDefaults:
    known = {"account": "account", "container": "container", "sasExpiry": "sas_expiry"}
    return PublishDefaults(**{known[key]: value for key, value in given.items()})


def _whole(value: Any) -> int | None:
    # JSON Schema takes 1.0 for a whole number.
    return None if value is None else int(value)


def _without_none(**members: JSONValue) -> dict[str, JSONValue]:
    return {key: value for key, value in members.items() if value is not None}


def _plain(value: Any) -> Any:
    """Copy a value, with the keys of its objects in a fixed order."""
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return cast("JSONValue", value)
