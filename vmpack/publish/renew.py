"""New links for blobs that are stored already."""

from functools import partial

from vmpack.errors import PublishError
from vmpack.publish.confirm import try_all
from vmpack.publish.container import Container
from vmpack.publish.content import SHA256_KEY
from vmpack.publish.destination import Destination
from vmpack.publish.links import make
from vmpack.publish.model import Links
from vmpack.publish.run import PublishOptions, blob_name, opened
from vmpack.release.model import Artifact, Release


def renew(release: Release, destination: Destination, options: PublishOptions) -> Links:
    """Make and try links for a published release without sending anything.

    Raises PublishError where a blob is missing or is not the release's: the gallery lets only the signature of a
    link change, never the content behind it.
    """
    artifacts = [artifact for artifact in (release.package, release.config) if artifact]
    with opened(destination, options) as container:
        container.session.map(partial(_check, container, release), artifacts)
        names = [blob_name(release, artifact) for artifact in artifacts]
        made = [make(destination, container.blob_url(name), name, options.links) for name in names]
        return try_all(container, made, options.policy)


def _check(container: Container, release: Release, artifact: Artifact) -> None:
    """Refuse a blob that is not the release's."""
    blob = blob_name(release, artifact)
    url = container.blob_url(blob)
    found = container.properties(blob)
    if found is None:
        raise PublishError(
            f"The blob referenced by source uri {url} does not exist.",
            remedy="Publish the release first: vmpack publish.",
            where=url,
            rule="link-missing",
        )
    if found.size != artifact.size or found.metadata.get(SHA256_KEY, artifact.sha256) != artifact.sha256:
        raise PublishError(
            "the blob is not the one of this release",
            why="Its size or its recorded digest differs.",
            remedy="See `vmpack verify --remote`.",
            where=url,
            rule="blob-differs",
        )
