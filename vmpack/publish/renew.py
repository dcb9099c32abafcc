"""New links for blobs that are stored already."""

from vmpack.errors import PublishError
from vmpack.publish.container import Container
from vmpack.publish.destination import Destination
from vmpack.publish.model import Links, StoredBlob, Tally
from vmpack.publish.run import PublishOptions, blob_name, make_links, opened
from vmpack.publish.store import SHA256_KEY
from vmpack.release.model import Artifact, Release


def renew(release: Release, destination: Destination, options: PublishOptions) -> Links:
    """Make and try links for a published release without sending anything.

    Raises PublishError where a blob is missing or is not the release's: the gallery lets only the signature of a
    link change, never the content behind it.
    """
    with opened(destination, options) as container:
        package = _stored(container, release, release.package)
        config = _stored(container, release, release.config) if release.config else None
    return make_links(destination, package, config, options)


def _stored(container: Container, release: Release, artifact: Artifact) -> StoredBlob:
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
    nothing = Tally(bytes_total=artifact.size)
    return StoredBlob(blob, url, artifact.size, artifact.sha256, found.etag, nothing, existed=True)
