"""A single file that is passed through untouched, for people who bring a finished package."""

import os
import queue
from functools import partial
from pathlib import Path

from vmpack.content.model import Entry
from vmpack.errors import BuildError, LimitError
from vmpack.package.archive import Frame
from vmpack.package.frames import largest_segment, sealed
from vmpack.package.large import LargeFile
from vmpack.package.limits import too_big
from vmpack.package.model import Block, BlockObserver, PackageRequest, Segments, WrittenPackage
from vmpack.package.output import Output
from vmpack.package.parcels import take_parcels
from vmpack.package.pipeline import Aside
from vmpack.package.segments import segment_size
from vmpack.progress import Progress


def pass_through(
    request: PackageRequest, out: Path, progress: Progress, observer: BlockObserver | None
) -> WrittenPackage:
    """Copy the payload's only file to ``out``, in blocks that its content chooses; all hashes are taken meanwhile."""
    entry = _only_file(request)
    if entry.size > request.limit:
        fact = f"{entry.path} has {entry.size:,} bytes"
        raise too_big(request.content, request.limit, fact)
    output = Output(
        out,
        head_size=0,
        limit=request.limit,
        too_big=lambda: too_big(request.content, request.limit, "the file grew"),
        observer=observer,
    )
    maximum = segment_size(entry.size, largest_segment("none", 0))
    buffer = memoryview(bytearray(maximum))
    file = LargeFile(request.content.root, entry, maximum)
    written: queue.SimpleQueue[Block | None] = queue.SimpleQueue()
    parcels = Aside(partial(take_parcels, out, iter(written.get, None), entry.size))
    try:
        with output, parcels:
            try:
                while not file.at_end:
                    piece = file.next_piece(buffer)
                    written.put(output.append(sealed(Frame(bytes(buffer[: piece.end - piece.start])))))
                    progress.advance(piece.end - piece.start)
            finally:
                written.put(None)
            blocks = output.finish(b"")
    finally:
        file.close()
    return WrittenPackage(entry.size, piece.through.hex(), blocks, parcels.result(), Segments(len(blocks), 0))


def _only_file(request: PackageRequest) -> Entry:
    files = [entry for entry in request.content.entries if entry.kind == "file"]
    if len(files) != 1 or any(entry.kind == "symlink" for entry in request.content.entries):
        raise BuildError(
            f"format none passes one file through, the payload has {len(files)}",
            remedy="Narrow payload.include down to one file, or choose another format.",
            where=request.content.root,
            rule="payload-not-one-file",
        )
    if files[0].size == 0:
        raise LimitError(
            "the file to pass through is empty",
            why="The gallery refuses an empty blob.",
            where=os.path.join(request.content.root, files[0].path),
            rule="limit-empty",
        )
    return files[0]
