"""Hold what lies in storage against what the release says."""

from collections.abc import Iterator

from vmpack.errors import PublishError
from vmpack.findings import Finding
from vmpack.publish.blocks import key
from vmpack.publish.container import Container
from vmpack.publish.content import SHA256_KEY, remote_sha256
from vmpack.publish.destination import Destination
from vmpack.publish.inventory import located
from vmpack.publish.run import PublishOptions, blob_name, opened
from vmpack.publish.trial import check_blob
from vmpack.release.model import Artifact, Release


def verify_remote(
    release: Release, destination: Destination, options: PublishOptions | None = None, *, read: bool = False
) -> tuple[Finding, ...]:
    """Compare the blobs of a release with the release; no findings means that they agree.

    By type, length, the digest in the metadata, and the digests in the block ids; with ``read`` every byte is
    fetched and hashed too. Raises PublishError where storage cannot be asked.
    """
    artifacts = [artifact for artifact in (release.package, release.config) if artifact]
    with opened(destination, options or PublishOptions()) as container:
        return tuple(
            finding
            for artifact in artifacts
            for finding in _blob(container, release, artifact, blob_name(release, artifact), read=read)
        )


def _blob(
    container: Container, release: Release, artifact: Artifact, blob: str, *, read: bool
) -> Iterator[Finding]:
    url = container.blob_url(blob)
    found = container.properties(blob)
    if found is None:
        yield _broken("link-missing", url, f"The blob referenced by source uri {url} does not exist.")
        return
    try:
        check_blob(found, url)
    except PublishError as error:
        yield _broken(error.rule, url, error.what)
        return
    if found.size != artifact.size:
        yield _broken("blob-size-differs", url, f"{found.size} bytes, the release says {artifact.size}")
        return
    recorded = found.metadata.get(SHA256_KEY)
    if recorded and recorded != artifact.sha256:
        yield _broken("blob-digest-differs", url, "its recorded sha256 is not the release's")
    if artifact is release.package:
        yield from _blocks(container, release, blob, url)
    if (read or not recorded) and remote_sha256(container, blob, found.size) != artifact.sha256:
        yield _broken("blob-content-differs", url, "its bytes do not have the release's sha256")


def _blocks(container: Container, release: Release, blob: str, url: str) -> Iterator[Finding]:
    """Hold the digests that the block ids carry against the release, where both cut the package alike."""
    stored = {offset: part for part, offset in located(container.block_lists(blob).committed)}
    for block in release.blocks:
        wanted = key(block)
        part = stored.get(block.offset)
        if part is not None and part.size == wanted.size and part != wanted:
            yield _broken("blob-block-differs", url, f"the block at byte {block.offset} is not the release's")


def _broken(rule: str, url: str, message: str) -> Finding:
    return Finding(
        rule, "error", message, "Publish the release again, under a new version if it was used.", url
    )
