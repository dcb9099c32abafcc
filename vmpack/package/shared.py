"""What all jobs of one payload share: its entries and their digests, the archive, the cache, and the names in it."""

import hashlib
import struct
from array import array
from collections.abc import Sequence

from vmpack.content.model import Content, Entry
from vmpack.package.archive import Archive, Digest, Frame, Piece
from vmpack.package.cache import SegmentCache
from vmpack.package.frames import sealed
from vmpack.package.segments import Span

_KEY_VERSION = b"vmpack segment 3\n"
_PIECE = struct.Struct("<QQ32s32sI")


class Shared:
    """One payload on its way; ``digests`` is complete when all of its jobs are done."""

    def __init__(self, content: Content, archive: Archive, cache: SegmentCache | None, maximum: int) -> None:
        """``maximum`` is the size of a segment in raw bytes."""
        self.content = content
        self.archive = archive
        self.cache = cache
        self.maximum = maximum
        self.index = cache.index(content.root, content.entries) if cache else None
        self.digests: list[Digest | None] = [None] * len(content.entries)
        self.known: list[Digest | None] = [*self.index.known] if self.index else [*self.digests]
        """Digests of files that have not changed since an earlier build."""

        self.fresh: set[bytes] = set()
        """The names of frames that this build made."""

    def is_known(self, span: Span) -> bool:
        """Tell whether the digests of all its files are known before they are read."""
        stretch = slice(span.first, span.last)
        if None not in self.known[stretch]:
            return True
        pairs = zip(self.content.entries[stretch], self.known[stretch], strict=True)
        return not any(digest is None and entry.kind == "file" for entry, digest in pairs)

    def keep(self, key: bytes, frame: Frame) -> None:
        """Put a frame that was just made into the cache, if there is one."""
        self.fresh.add(key)
        if self.cache is not None:
            self.cache.put(key, frame)

    def group_key(self, span: Span, digests: Sequence[Digest | None]) -> bytes:
        """Name the frame of whole files by everything that decides its bytes."""
        names = _names(self.content.entries[span.first : span.last])
        return self._key(b"group", *names, b"".join(filter(None, digests)))

    def piece_key(self, entry: Entry, piece: Piece) -> bytes:
        """Name the frame of a stretch of one file."""
        place = b"%d %d" % (piece.start, piece.end)
        return self._key(b"piece", *_names((entry,)), place, piece.before, piece.through)

    def known_pieces(self, digest: Digest | None) -> list[Piece]:
        """Give the cuts of a large file that has not changed since an earlier build; empty if they are not known."""
        if digest is None or self.cache is None:
            return []
        frame = self.cache.get(self._cuts_key(digest))
        if frame is None or len(frame.data) % _PIECE.size:
            return []
        return [Piece(*fields) for fields in _PIECE.iter_unpack(frame.data)]

    def remember_pieces(self, pieces: Sequence[Piece]) -> None:
        """Keep the cuts of a large file for the next build."""
        if self.cache is not None:
            packed = b"".join(_PIECE.pack(*piece) for piece in pieces)
            self.cache.put(self._cuts_key(pieces[-1].through), sealed(Frame(packed)))

    def _cuts_key(self, digest: Digest) -> bytes:
        return hashlib.sha256(_KEY_VERSION + b"cuts %d " % self.maximum + digest).digest()

    def _key(self, kind: bytes, *parts: bytes) -> bytes:
        digest = hashlib.sha256(_KEY_VERSION + kind + self.archive.salt)
        for part in parts:
            digest.update(b"%d:" % len(part))
            digest.update(part)
        return digest.digest()


def _names(entries: Sequence[Entry]) -> tuple[bytes, ...]:
    """Give all of the entries that decides their bytes beside their content, column by column."""
    paths, kinds, modes, sizes, targets, _ = zip(*entries, strict=True)
    columns = ("\0".join(column).encode() for column in (paths, kinds, targets))
    return (*columns, array("Q", modes).tobytes(), array("Q", sizes).tobytes())
