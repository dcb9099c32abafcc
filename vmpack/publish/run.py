"""Publishing a release from top to bottom: look, send, commit, confirm."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial

from vmpack import __version__
from vmpack.progress import SILENT, Progress
from vmpack.publish import links, receipt, sas
from vmpack.publish.confirm import confirm
from vmpack.publish.container import Container
from vmpack.publish.content import Upload
from vmpack.publish.credentials import Bearer, SasToken
from vmpack.publish.destination import Destination
from vmpack.publish.files import OpenFile, opened_file
from vmpack.publish.inventory import Seen, look
from vmpack.publish.links import LinkOptions
from vmpack.publish.model import Group, Inventory, Published, SourceBlob
from vmpack.publish.parts import groups_of_file, groups_of_package
from vmpack.publish.retry import Gate, RetryPolicy
from vmpack.publish.session import Session
from vmpack.publish.store import StoreOptions, rehearse, store
from vmpack.publish.transfer import SourceAccess
from vmpack.publish.trial import check_size
from vmpack.publish.wire import CancelledError, Timeouts, Wire
from vmpack.release.model import Artifact, Release
from vmpack.values import dataclass, field

_LEAST_THREADS = 8
"""For everything but blocks, of which as many travel at once as were asked for."""
_NEAR = 0.005
"""Seconds. An emulator that answers within them has no distance that more connections would make up for."""
_NEAR_WIDTH = 8
"""How many blocks travel to that at once to begin with: more only keep each other waiting."""


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """How to publish."""

    overwrite: bool = False
    create_container: bool = False
    links: LinkOptions = field(default_factory=LinkOptions)
    threads: int = 24
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
    threads = max(options.threads, _LEAST_THREADS)
    session = Session(
        wire,
        destination.credential,
        options.policy,
        Gate(options.threads),
        pool=ThreadPoolExecutor(threads, "publish"),
    )
    try:
        yield Container(destination.url, session)
    except CancelledError:
        raise KeyboardInterrupt from None
    except BaseException:
        wire.abort()
        raise
    finally:
        session.close()


def blob_name(release: Release, artifact: Artifact) -> str:
    """Give the immutable name of a release's file in storage."""
    return f"{release.name}/{release.version}/{artifact.file_name}"


def publish(release: Release, destination: Destination, options: PublishOptions) -> Published:
    """Store package and config, make and try the links, and leave a receipt in the release folder.

    Four rounds of requests, each at the same time: what is there, the blocks, the commits, and whether all is well.
    Raises PublishError. Whatever is raised, and wherever the process dies, the next run finds what has arrived and
    sends the rest.
    """
    artifacts = _artifacts(release)
    for artifact in artifacts:
        check_size(artifact.size, f"{destination.url}/{blob_name(release, artifact)}")
    options.progress.begin(f"{release.name} {release.version}", sum(artifact.size for artifact in artifacts))
    try:
        with opened(destination, options) as container:
            if options.create_container:
                container.create()
            published = _publish(release, destination, container, options)
    finally:
        options.progress.end()
    receipt.write(release.directory, published, destination.account, destination.url)
    return published


def _publish(
    release: Release, destination: Destination, container: Container, options: PublishOptions
) -> Published:
    if destination.secure:
        container.session.warm(_connections(release, options))
    with _looked(release, container) as (uploads, seen, older):
        if not destination.secure and container.session.wire.quickest < _NEAR:
            container.session.gate.begin_with(_NEAR_WIDTH)
        jobs = store(container, uploads, seen, _how(container, destination, older, options))
        made = [
            links.make(destination, container.blob_url(upload.blob), upload.blob, options.links)
            for upload in uploads
        ]
        found = confirm(container, jobs, made, options.policy)
    package, *config = (job.stored(container) for job in jobs)
    return Published(release.name, release.version, package, config[0] if config else None, found)


def rehearse_release(
    release: Release, destination: Destination, options: PublishOptions
) -> list[tuple[str, tuple[str, ...]]]:
    """Tell for each blob what publishing would do and why, and change nothing."""
    with opened(destination, options) as container, _looked(release, container) as (uploads, seen, older):
        how = _how(container, destination, older, options)
        return [
            (upload.blob, rehearse(container, upload, there, how))
            for upload, there in zip(uploads, seen, strict=True)
        ]


def _artifacts(release: Release) -> list[Artifact]:
    return [artifact for artifact in (release.package, release.config) if artifact]


def _connections(release: Release, options: PublishOptions) -> int:
    """Give how many connections the blocks can use beyond those that the first look opens."""
    blocks = len(release.parcels) or len(release.blocks)
    return min(options.threads, blocks) - len(_artifacts(release)) - 1


@contextmanager
def _looked(
    release: Release, container: Container
) -> Iterator[tuple[Sequence[Upload], Sequence[Seen], Inventory]]:
    """Open the release's files and read what they are made of, while storage tells what it has."""
    artifacts = _artifacts(release)
    with ExitStack() as files:
        opened_files = [files.enter_context(opened_file(artifact)) for artifact in artifacts]
        pairs = zip(artifacts, opened_files, strict=True)
        with container.session.round() as beside:
            uploads = [beside.submit(partial(_upload, release, *pair)) for pair in pairs]
            names = [blob_name(release, artifact) for artifact in artifacts]
            seen, older = look(container, release.name, names)
        yield [upload.result() for upload in uploads], seen, older


def _how(
    container: Container, destination: Destination, older: Inventory, options: PublishOptions
) -> StoreOptions:
    return StoreOptions(
        overwrite=options.overwrite,
        older=older,
        access=source_access(container, destination),
        progress=options.progress,
    )


def _upload(release: Release, artifact: Artifact, file: OpenFile) -> Upload:
    return Upload(
        blob=blob_name(release, artifact),
        file=file,
        size=artifact.size,
        sha256=artifact.sha256,
        groups=_groups(release, artifact, file),
        metadata={
            "vmpack_application": release.name,
            "vmpack_release": release.version,
            "vmpack_tool": __version__,
        },
    )


def _groups(release: Release, artifact: Artifact, file: OpenFile) -> tuple[Group, ...]:
    with file.blamed():
        if artifact is release.package:
            return groups_of_package(release.blocks, release.parcels, file.read)
        return groups_of_file(artifact.size, artifact.sha256, file.read)


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
