"""The payload of a Windows package: members of a zip, each deflated, many to a segment.

A file larger than a segment is deflated in pieces that end at a byte and are joined; its checksum and sizes
then stand behind it in a data descriptor.
"""

import stat
import struct
from collections.abc import Sequence
from typing import Any

from vmpack.content.model import Entry
from vmpack.errors import LimitError
from vmpack.package.archive import Digest, Encoder, Frame, Piece
from vmpack.package.frames import largest_segment, library
from vmpack.package.source import read_file
from vmpack.package.zip_format import DEFLATED, STORED, ZipMember, ZipRecords, descriptor

FOLDER = "payload/"
_TYPES = {"file": stat.S_IFREG, "directory": stat.S_IFDIR, "symlink": stat.S_IFLNK}
_LARGE = struct.Struct("<IIQ")
"""Mode, CRC-32 and size of a large file; its name follows."""
_OFFSET_FIELD = 42
_LARGEST_OFFSET = 0xFFFFFFFE


class ZipPayload:
    """The members below ``payload/`` and their central records."""

    def __init__(self, level: int, mtime: int) -> None:
        self.salt = f"zip {level} {library('zip')} {mtime}".encode()
        self.largest_segment = largest_segment("zip", level)
        self.needs_crc = True
        self._level = level
        self._records = ZipRecords(mtime)
        self._directory: list[bytes] = []
        self.count = 0
        """Members placed so far."""
        self._large_at = 0
        self._data_at = 0

    def raw_sizes(self, entries: Sequence[Entry]) -> list[int]:
        """Give the size of the data of each."""
        return [entry.size for entry in entries]

    def read_group(
        self, root: str, entries: Sequence[Entry], known: Sequence[Digest | None], raw: memoryview
    ) -> list[Digest | None]:
        """Read the files one behind the other."""
        digests: list[Digest | None] = []
        at = 0
        for entry, digest in zip(entries, known, strict=True):
            view = raw[at : at + entry.size]
            digests.append(read_file(root, entry, view, digest) if entry.kind == "file" else None)
            at += entry.size
        return digests

    def encoder(self) -> Encoder:
        """Give an encoder."""
        return _ZipEncoder(self._level, self._records)

    def place(self, offset: int, frame: Frame) -> bytes:
        """Take the members of a frame into the directory; give the data descriptor of a large file that ends."""
        if offset > _LARGEST_OFFSET:
            raise LimitError("a zip for Windows cannot have 4 GiB or more", rule="limit-too-big")
        kind, directory = frame.directory[:1], frame.directory[1:]
        if kind == b"G":
            self._place_group(offset, bytearray(directory))
        elif kind == b"F":
            self._large_at = offset
            self._data_at = offset + int.from_bytes(directory, "little")
        elif kind == b"L":
            mode, crc, size = _LARGE.unpack_from(directory)
            compressed = offset + len(frame.data) - self._data_at
            name = directory[_LARGE.size :]
            member = ZipMember(name, mode, DEFLATED, crc, compressed, size, self._large_at, True)
            self._directory.append(self._records.central_header(member))
            self.count += 1
            return descriptor(member)
        return b""

    def _place_group(self, offset: int, directory: bytearray) -> None:
        at = 0
        while at < len(directory):
            (relative,) = struct.unpack_from("<I", directory, at + _OFFSET_FIELD)
            struct.pack_into("<I", directory, at + _OFFSET_FIELD, relative + offset)
            name, extra = struct.unpack_from("<HH", directory, at + 28)
            at += 46 + name + extra
            self.count += 1
        self._directory.append(bytes(directory))

    def directory(self) -> bytes:
        """Give the central records of every member placed so far."""
        return b"".join(self._directory)


class _ZipEncoder:
    def __init__(self, level: int, records: ZipRecords) -> None:
        from zlib_ng import zlib_ng

        self._zlib: Any = zlib_ng
        self._level = level
        self._records = records

    def group(self, entries: Sequence[Entry], raw: memoryview) -> Frame:
        parts: list[bytes] = []
        directory = [b"G"]
        at = offset = 0
        for entry in entries:
            data = raw[at : at + entry.size]
            at += entry.size
            member, body = self._member(entry, data, offset)
            header = self._records.local_header(member)
            parts += (header, body)
            directory.append(self._records.central_header(member))
            offset += len(header) + len(body)
        return Frame(b"".join(parts), b"".join(directory))

    def _member(self, entry: Entry, data: memoryview, offset: int) -> tuple[ZipMember, bytes]:
        name, mode = _name(entry), _mode(entry)
        body = self._zlib.compress(data, self._level, wbits=-15) if entry.size else b""
        method = DEFLATED
        if len(body) >= entry.size:
            method, body = STORED, bytes(data)
        crc = self._zlib.crc32(data)
        return ZipMember(name, mode, method, crc, len(body), entry.size, offset), body

    def piece(self, entry: Entry, piece: Piece, raw: memoryview) -> Frame:
        stream = self._zlib.compressobj(self._level, self._zlib.DEFLATED, -15)
        is_last = piece.end == entry.size
        end = self._zlib.Z_FINISH if is_last else self._zlib.Z_FULL_FLUSH
        body = stream.compress(raw) + stream.flush(end)
        name, mode = _name(entry), _mode(entry)
        if piece.start == 0:
            member = ZipMember(name, mode, DEFLATED, 0, 0, entry.size, 0, True)
            header = self._records.local_header(member)
            return Frame(header + body, b"F" + len(header).to_bytes(4, "little"))
        if is_last:
            return Frame(body, b"L" + _LARGE.pack(mode, piece.crc, entry.size) + name)
        return Frame(body, b"M")


def _name(entry: Entry) -> bytes:
    slash = "/" if entry.kind == "directory" else ""
    return f"{FOLDER}{entry.path}{slash}".encode()


def _mode(entry: Entry) -> int:
    return _TYPES[entry.kind] | entry.mode
