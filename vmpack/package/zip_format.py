"""The records of a zip file (APPNOTE.TXT), with nothing in them of the build host.

Every member has the same time, Unix modes in the external attributes, and UTF-8 names. Zip64 records are
written only where the old ones cannot hold the number.
"""

import struct
import time
from typing import NamedTuple

STORED, DEFLATED = 0, 8
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
LOCAL_HEADER = _LOCAL.size
"""Bytes in front of a member's name."""
_CENTRAL = struct.Struct("<4sBBHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR64 = struct.Struct("<4sIQI")
_UTF8, _DESCRIPTOR = 0x800, 0x8
_MAX32, _MAX16 = 0xFFFFFFFF, 0xFFFF
_DIRECTORY_ATTRIBUTE = 0x10


class ZipMember(NamedTuple):
    """What the central directory says of a member."""

    name: bytes
    """UTF-8; a folder's ends with a slash."""
    mode: int
    """With the file type bits, as ``stat`` has them."""
    method: int
    crc: int
    compressed: int
    size: int
    offset: int
    """Of the local header in the file."""
    has_descriptor: bool = False
    """Whether checksum and sizes stand behind the data, because they were not known in front of it."""

    @property
    def is_zip64(self) -> bool:
        """Whether the size needs the wide fields (the compressed size then has them too)."""
        return self.size >= _MAX32


class ZipRecords:
    """Makes the records of one file, whose members all have the same time."""

    def __init__(self, mtime: int) -> None:
        year, month, day, hour, minute, second = time.gmtime(mtime)[:6]
        # A zip's clock begins in 1980 and counts two seconds at a time.
        year = min(max(year, 1980), 2107)
        self._date = (year - 1980) << 9 | month << 5 | day
        self._time = hour << 11 | minute << 5 | second // 2

    def local_header(self, member: ZipMember) -> bytes:
        """Give what stands in front of a member's data."""
        extra = b""
        crc, compressed, size = member.crc, member.compressed, member.size
        if member.has_descriptor:
            crc = compressed = size = 0
        if member.is_zip64:
            extra = struct.pack("<HHQQ", 1, 16, size, compressed)
            compressed = size = _MAX32
        fixed = _LOCAL.pack(
            b"PK\x03\x04",
            _version(member),
            _flags(member),
            member.method,
            self._time,
            self._date,
            crc,
            compressed,
            size,
            len(member.name),
            len(extra),
        )
        return b"".join((fixed, member.name, extra))

    def central_header(self, member: ZipMember) -> bytes:
        """Give a member's record in the directory at the end."""
        extra = b""
        compressed, size = member.compressed, member.size
        if member.is_zip64:
            extra = struct.pack("<HHQQ", 1, 16, size, compressed)
            compressed = size = _MAX32
        is_folder = member.name.endswith(b"/")
        fixed = _CENTRAL.pack(
            b"PK\x01\x02",
            _version(member),
            3,  # made on Unix, so that the modes are read
            _version(member),
            _flags(member),
            member.method,
            self._time,
            self._date,
            member.crc,
            compressed,
            size,
            len(member.name),
            len(extra),
            0,
            0,
            0,
            member.mode << 16 | (_DIRECTORY_ATTRIBUTE if is_folder else 0),
            member.offset,
        )
        return b"".join((fixed, member.name, extra))


def descriptor(member: ZipMember) -> bytes:
    """Give what stands behind the data of a member whose local header could not know it."""
    form = "<4sIQQ" if member.is_zip64 else "<4sIII"
    return struct.pack(form, b"PK\x07\x08", member.crc, member.compressed, member.size)


def end_records(count: int, directory_size: int, offset: int) -> bytes:
    """Give what ends the file: ``count`` members, whose directory of that size lies at ``offset``."""
    wide = b""
    if count >= _MAX16 or offset + directory_size >= _MAX32:
        made_by = 3 << 8 | 45
        wide = _END64.pack(
            b"PK\x06\x06", 44, made_by, 45, 0, 0, count, count, directory_size, offset
        ) + _LOCATOR64.pack(b"PK\x06\x07", 0, offset + directory_size, 1)
    narrow = _END.pack(
        b"PK\x05\x06",
        0,
        0,
        min(count, _MAX16),
        min(count, _MAX16),
        min(directory_size, _MAX32),
        min(offset, _MAX32),
        0,
    )
    return wide + narrow


def _version(member: ZipMember) -> int:
    return 45 if member.is_zip64 else 20


def _flags(member: ZipMember) -> int:
    return _UTF8 | (_DESCRIPTOR if member.has_descriptor else 0)
