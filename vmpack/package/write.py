"""A package from top to bottom: measure the head, stream the segments behind it, write the head last."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from vmpack.content.model import Content
from vmpack.package import listing
from vmpack.package.archive import Archive, Digest, Frame
from vmpack.package.cache import SegmentCache
from vmpack.package.frames import level_of, sealed
from vmpack.package.limits import too_big
from vmpack.package.model import (
    Block,
    BlockObserver,
    Member,
    PackageRequest,
    Parcel,
    Segments,
    WrittenPackage,
)
from vmpack.package.output import Output
from vmpack.package.packing import Frames, packing
from vmpack.package.parcels import is_long_head, take_parcels
from vmpack.package.pipeline import Aside, thread_count
from vmpack.package.shared import Shared
from vmpack.progress import SILENT, Progress


class Container(Protocol):
    """The outer shape of a package: small members first, then the payload's archive."""

    archive: Archive

    def head_size(self, members: Sequence[Member]) -> int:
        """Give the bytes in front of the payload; the content of the members does not matter, only its length."""

    def finish(self, members: Sequence[Member], offset: int) -> tuple[bytes, bytes]:
        """Give what stands in front of the payload and, from ``offset`` on, behind it."""


def write_package(
    request: PackageRequest,
    out: Path,
    *,
    cache: SegmentCache | None = None,
    progress: Progress = SILENT,
    observer: BlockObserver | None = None,
    threads: int | None = None,
) -> WrittenPackage:
    """Write the package to ``out``, which must not exist yet.

    The bytes depend on the request and the versions of vmpack and its compression library alone. ``observer``
    gets each block when it is final; ``threads`` only changes how long it takes. After an error nothing is
    left at ``out``.

    Raises LimitError as soon as the package cannot fit ``request.limit``, and BuildError for a file that
    cannot be read or changes meanwhile.
    """
    progress.begin("packing", request.content.size)
    try:
        if request.format == "none":
            from vmpack.package.passthrough import pass_through

            return pass_through(request, out, progress, observer)
        return _write(
            request, out, cache=cache, progress=progress, observer=observer, threads=threads or thread_count()
        )
    finally:
        progress.end()


def _write(
    request: PackageRequest,
    out: Path,
    *,
    cache: SegmentCache | None,
    progress: Progress,
    observer: BlockObserver | None,
    threads: int,
) -> WrittenPackage:
    began_ns = time.time_ns()
    container = _container(request)
    with packing(container.archive, request.content, cache, threads) as (shared, frames):
        members = request.members() if callable(request.members) else request.members
        files = listing.Listing(request.content.entries)
        head_size = container.head_size(_with_files(members, files.blank()))
        _refuse_what_cannot_fit(request, head_size)
        with _output(request, out, head_size, observer) as output:
            remember = partial(_remember, cache, shared, began_ns)
            payload_size = frames.payload_size()
            if payload_size is None:
                segments = _write_frames(container, frames, output, progress)
                blocks = _write_ends(container, _with_files(members, files.filled(shared.digests)), output)
                with Aside(remember) as remembered:
                    sha256, parcels = _hash(output, blocks, request, cache, threads)
            else:
                whole = _with_files(members, files.filled(shared.digests))
                output.foresee(container.finish(whole, head_size + payload_size)[0])
                with Aside(remember) as remembered:
                    segments = _write_frames(container, frames, output, progress)
                    blocks = _write_ends(container, whole, output)
                sha256, parcels = _hash(output, blocks, request, cache, threads)
            if cache is not None:
                cache.remove(remembered.result())
    return WrittenPackage(output.offset, sha256.hex(), blocks, parcels, segments)


def _hash(
    output: Output,
    blocks: Sequence[Block],
    request: PackageRequest,
    cache: SegmentCache | None,
    threads: int,
) -> tuple[Digest, tuple[Parcel, ...]]:
    """Give the sha256 of the finished package and, taken beside it, the MD5 of its parcels."""
    sums = cache.sums(request.content.root) if cache else None
    total = output.offset
    # A long head travels cut between its lines, and changes with every version.
    travelling = blocks[is_long_head(blocks[0].size, total) :]
    with Aside(output.digest) as digest:
        parcels = take_parcels(output.path, travelling, total, sums=sums, threads=threads)
        if sums is not None:
            sums.save()
    return digest.result(), parcels


def _remember(cache: SegmentCache | None, shared: Shared, began_ns: int) -> list[tuple[str, int]]:
    """Leave for the next build what this one learned; give what must go from the cache once all frames are read."""
    if cache is None or shared.index is None:
        return []
    shared.index.save(shared.digests, began_ns)
    return cache.excess() if shared.fresh else []


def _write_frames(container: Container, frames: Frames, output: Output, progress: Progress) -> Segments:
    reused = total = 0
    for frame, was_cached, size in frames:
        behind = container.archive.place(output.offset, frame)
        output.append(frame if not behind else sealed(Frame(b"".join((frame.data, behind)))))
        reused += was_cached
        total += 1
        progress.advance(size)
    return Segments(total, reused)


def _output(request: PackageRequest, out: Path, head_size: int, observer: BlockObserver | None) -> Output:
    fact = "the package grows beyond what the gallery takes"
    return Output(
        out,
        head_size=head_size,
        limit=request.limit,
        too_big=lambda: too_big(request.content, request.limit, fact),
        observer=observer,
    )


def _write_ends(container: Container, members: Sequence[Member], output: Output) -> tuple[Block, ...]:
    """Write what had to wait for the digests: the tail, then the head into its gap."""
    head, tail = container.finish(members, output.offset)
    output.append(sealed(Frame(tail)))
    return output.finish(head)


def _container(request: PackageRequest) -> Container:
    level = level_of(request.format, request.level, request.content.size)
    if request.format == "zip":
        from vmpack.package.zip_container import ZipContainer

        return ZipContainer(level, request.mtime)
    from vmpack.package.tar_container import TarContainer

    return TarContainer(request.format, level, request.mtime)


def _with_files(members: Sequence[Member], files: bytes) -> tuple[Member, ...]:
    """Put ``files`` behind ``vmapp.json``."""
    return (*members[:1], Member(listing.NAME, files), *members[1:])


def _refuse_what_cannot_fit(request: PackageRequest, head_size: int) -> None:
    content: Content = request.content
    if request.format == "tar" and head_size + content.size > request.limit:
        fact = f"the files alone have {content.size:,} bytes and format tar does not compress"
        raise too_big(content, request.limit, fact)
    if head_size > request.limit:
        raise too_big(content, request.limit, f"the list of files alone has {head_size:,} bytes")
