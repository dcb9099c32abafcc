"""Publishing a release from top to bottom."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from vmpack import __version__
from vmpack.errors import PublishError
from vmpack.findings import Finding
from vmpack.progress import SILENT, Progress
from vmpack.publish import links, receipt, sas
from vmpack.publish.blocks import MAX_PART, check, cut, parts_of_package
from vmpack.publish.container import Container
from vmpack.publish.credentials import Bearer, SasToken
from vmpack.publish.destination import Destination
from vmpack.publish.files import reader
from vmpack.publish.inventory import older_blobs
from vmpack.publish.links import LinkOptions
from vmpack.publish.model import Link, Links, Part, Published, ReadAt, SourceBlob, StoredBlob
from vmpack.publish.retry import Gate, RetryPolicy
from vmpack.publish.session import Session
from vmpack.publish.store import Seen, StoreOptions, Upload, look, rehearse, store
from vmpack.publish.transfer import SourceAccess
from vmpack.publish.wire import CancelledError, Timeouts, Wire
from vmpack.release.model import Artifact, Release

Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """How to publish."""

    overwrite: bool = False
    create_container: bool = False
    links: LinkOptions = field(default_factory=LinkOptions)
    threads: int = 16
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    timeouts: Timeouts = field(default_factory=Timeouts)
    progress: Progress = SILENT
    on_open: Callable[[Wire], None] = lambda _wire: None
    """Told of every connection pool, for whoever must be able to abort it."""


@contextmanager
def opened(destination: Destination, options: PublishOptions) -> Iterator[Container]:
    """Open a container for the length of the block."""
    wire = Wire(destination.url, options.timeouts)
    options.on_open(wire)
    session = Session(wire, destination.credential, options.policy, Gate(options.threads))
    try:
        yield Container(destination.url, session)
    except CancelledError:
        raise KeyboardInterrupt from None
    except BaseException:
        wire.abort()
        raise
    finally:
        wire.close()


def blob_name(release: Release, artifact: Artifact) -> str:
    """Give the immutable name of a release's file in storage."""
    return f"{release.name}/{release.version}/{artifact.file_name}"


def publish(release: Release, destination: Destination, options: PublishOptions) -> Published:
    """Store package and config, make and try the links, and leave a receipt in the release folder.

    Raises PublishError. Whatever is raised, and wherever the process dies, the next run finds what has arrived and
    sends the rest.
    """
    artifacts = _artifacts(release)
    for artifact in artifacts:
        links.check_size(artifact.size, f"{destination.url}/{blob_name(release, artifact)}")
    options.progress.begin(f"{release.name} {release.version}", sum(artifact.size for artifact in artifacts))
    try:
        with opened(destination, options) as container:
            if options.create_container:
                container.create()
            stored = _each(store, container, release, options, destination)
    finally:
        options.progress.end()
    package, config = stored[-1], stored[0] if release.config else None
    published = Published(
        release.name, release.version, package, config, make_links(destination, package, config, options)
    )
    receipt.write(release.directory, published, destination.account, destination.url)
    return published


def rehearse_release(
    release: Release, destination: Destination, options: PublishOptions
) -> list[tuple[str, tuple[str, ...]]]:
    """Tell for each blob what publishing would do and why, and change nothing."""
    with opened(destination, options) as container:
        told = _each(rehearse, container, release, options, destination)
    return list(zip((blob_name(release, artifact) for artifact in _artifacts(release)), told, strict=True))


def _artifacts(release: Release) -> list[Artifact]:
    return [artifact for artifact in (release.config, release.package) if artifact]


def _each(
    work: Callable[[Container, Upload, StoreOptions, Seen], Outcome],
    container: Container,
    release: Release,
    options: PublishOptions,
    destination: Destination,
) -> list[Outcome]:
    """Look what storage has, then do the work for config and package side by side."""
    artifacts = _artifacts(release)
    names = [blob_name(release, artifact) for artifact in artifacts]
    seen, older = container.session.both(
        lambda: container.session.map(partial(look, container), names),
        lambda: older_blobs(container, release.name, besides=names),
    )
    how = StoreOptions(
        overwrite=options.overwrite,
        older=older,
        access=source_access(container, destination),
        threads=options.threads,
        progress=options.progress,
    )

    def one(job: tuple[Artifact, Seen]) -> Outcome:
        with reader(job[0]) as read_at:
            return work(container, _upload(release, job[0], read_at), how, job[1])

    return container.session.map(one, list(zip(artifacts, seen, strict=True)))


def _upload(release: Release, artifact: Artifact, read_at: ReadAt) -> Upload:
    return Upload(
        blob=blob_name(release, artifact),
        read_at=read_at,
        size=artifact.size,
        sha256=artifact.sha256,
        parts=_parts(release, artifact, read_at),
        metadata={
            "vmpack_application": release.name,
            "vmpack_release": release.version,
            "vmpack_tool": __version__,
        },
    )


def _parts(release: Release, artifact: Artifact, read_at: ReadAt) -> tuple[Part, ...]:
    if artifact is release.package:
        return parts_of_package(release.blocks, read_at)
    if artifact.size <= MAX_PART:
        return (Part(0, artifact.size, artifact.sha256),)
    pieces, digest = cut(read_at, 0, artifact.size)
    check(Part(0, artifact.size, artifact.sha256), digest)
    return tuple(pieces)


def source_access(container: Container, destination: Destination) -> SourceAccess:
    """Give the way by which storage itself may read older blobs: a short signature, ours, or our token."""
    life = sas.window(sas.parse_duration("12h"))

    def access(source: SourceBlob) -> tuple[str, str | None] | None:
        url = container.blob_url(source.name)
        credential = destination.credential
        if isinstance(credential, Bearer):
            return url, credential.token()
        if destination.key is not None:
            return links.normalised(url, sas.by_key(destination, destination.key, source.name, life)), None
        if isinstance(credential, SasToken) and credential.allows("r"):
            return links.normalised(url, credential.token), None
        return None

    return access


def make_links(
    destination: Destination, package: StoredBlob, config: StoredBlob | None, options: PublishOptions
) -> Links:
    """Make the links of stored blobs and try each as the gallery will."""
    media, findings = _link(destination, package, options)
    other: Link | None = None
    if config:
        other, _ = _link(destination, config, options)
    return Links(media, other, findings)


def _link(
    destination: Destination, stored: StoredBlob, options: PublishOptions
) -> tuple[Link, tuple[Finding, ...]]:
    link, findings = links.make(destination, stored.url, stored.name, options.links)
    try:
        links.try_link(link.url, size=stored.size, policy=options.policy, timeouts=options.timeouts)
    except PublishError:
        if link.url != link.plain:
            raise
        return link, findings or (links.needs_identity(link.plain),)
    # A plain URL that anyone can read needs no warning.
    return link, findings if link.url != link.plain else ()
