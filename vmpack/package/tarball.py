"""The payload of a Linux package: a tar archive whose segments are frames of their own."""

from collections.abc import Callable, Sequence

from vmpack.content.model import Entry
from vmpack.package.archive import Digest, Encoder, Frame, Piece
from vmpack.package.frames import Compress, compressor, largest_segment, library
from vmpack.package.source import read_file
from vmpack.package.tar import BLOCK, END, NAME_FIELD, TarHeaders, header_size, padding
from vmpack.types import PayloadFormat


class Tarball:
    """The archive for the formats tar.zst, tar.gz and tar."""

    def __init__(self, form: PayloadFormat, level: int, mtime: int) -> None:
        self.salt = f"{form} {level} {library(form)} {mtime}".encode()
        self.largest_segment = largest_segment(form, level)
        self.needs_crc = False
        self._form = form
        self._level = level
        self._headers = TarHeaders(mtime)

    def raw_sizes(self, entries: Sequence[Entry]) -> list[int]:
        """Give header, data and padding of each."""
        # Nearly every name fits into the header; asking `header_size` of all takes twice as long.
        return [
            (
                BLOCK
                if len(path) < NAME_FIELD and not target and path.isascii()
                else header_size(path, kind, target)
            )
            + size
            + (-size % BLOCK)
            for path, kind, _, size, target, _ in entries
        ]

    def _header(self, entry: Entry) -> bytes:
        path, kind, mode, size, target, _ = entry
        return self._headers.header(path, kind, mode, size, target)

    def read_group(
        self, root: str, entries: Sequence[Entry], known: Sequence[Digest | None], raw: memoryview
    ) -> list[Digest | None]:
        """Lay the archive's bytes out in ``raw``."""
        digests: list[Digest | None] = []
        at = 0
        for entry, digest in zip(entries, known, strict=True):
            header = self._header(entry)
            start = at + len(header)
            raw[at:start] = header
            at = start + entry.size
            digests.append(read_file(root, entry, raw[start:at], digest) if entry.kind == "file" else None)
            gap = padding(entry.size)
            raw[at : at + gap] = bytes(gap)
            at += gap
        return digests

    def encoder(self) -> Encoder:
        """Give an encoder with a compressor of its own."""
        return _TarEncoder(self._header, compressor(self._form, self._level))

    def place(self, offset: int, frame: Frame) -> bytes:  # noqa: ARG002 - the protocol's
        """Add nothing: a tar knows its members where they stand."""
        return b""

    def end(self) -> bytes:
        """End the archive, with a frame of its own so that no segment depends on being the last."""
        return compressor(self._form, self._level)(memoryview(END))


class _TarEncoder:
    def __init__(self, header: Callable[[Entry], bytes], compress: Compress) -> None:
        self._header = header
        self._compress = compress

    def group(self, entries: Sequence[Entry], raw: memoryview) -> Frame:  # noqa: ARG002 - the protocol's
        return Frame(self._compress(raw))

    def piece(self, entry: Entry, piece: Piece, raw: memoryview) -> Frame:
        before = self._header(entry) if piece.start == 0 else b""
        behind = bytes(padding(entry.size)) if piece.end == entry.size else b""
        if before or behind:
            raw = memoryview(b"".join((before, raw, behind)))
        return Frame(self._compress(raw))
