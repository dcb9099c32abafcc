"""A package read back from its first bytes: what it is, its manifest, its files; nothing is unpacked.

Both containers begin with ``vmapp.json`` and ``files``, uncompressed, so ranged reads of a remote blob are enough.
Every length is checked before it is believed: a package may come from anywhere.
"""

import json
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from vmpack.errors import VerificationError
from vmpack.package import listing
from vmpack.package.model import FileRecord
from vmpack.package.tar import BLOCK, padding
from vmpack.values import dataclass

ReadAt = Callable[[int, int], bytes]
"""Gives ``size`` bytes from ``offset`` on, or fewer at the end."""
ContainerKind = Literal["linux", "windows", "opaque"]

MANIFEST = "vmapp.json"
PAYLOAD = "payload"
_FIRST_READ = 1 << 16
_LARGEST_MEMBER = 1 << 28
_LARGEST_MANIFEST = 1 << 24
_MOST_MEMBERS = 1000
_ZIP_LOCAL = struct.Struct("<4sHHHHHIIIHH")


@dataclass(frozen=True, slots=True)
class PackedMember:
    """A member of the container and where its data lies."""

    name: str
    offset: int
    size: int
    mode: int


@dataclass(frozen=True, slots=True)
class PackageListing:
    """What the first bytes of a package tell."""

    container: ContainerKind
    """``opaque`` for a file that was passed through; everything else is empty then."""
    size: int
    manifest: dict[str, Any] | None = None
    files: tuple[FileRecord, ...] = ()
    members: tuple[PackedMember, ...] = ()
    """In order; on Linux the last one is the payload."""
    payload_format: str = ""
    """``tar.zst``, ``tar.gz``, ``tar`` or ``zip``."""
    payload_size: int = 0
    """Compressed bytes; on Windows with the zip's directory."""


def read_file_package(path: Path) -> PackageListing:
    """Read a package on disk; raise VerificationError when it is damaged."""
    with open(path, "rb") as file:

        def read_at(offset: int, size: int) -> bytes:
            file.seek(offset)
            return file.read(size)

        return read_package(read_at, os.fstat(file.fileno()).st_size)


def read_package(read_at: ReadAt, size: int) -> PackageListing:
    """Read a package of ``size`` bytes by ranges; raise VerificationError when it is damaged.

    A file that does not begin like a package of vmpack's is no error but ``opaque``.
    """
    window = _Window(read_at, size)
    start = window.read(0, BLOCK)
    name = MANIFEST.encode()
    if start.startswith(name + b"\0") and start[257:262] == b"ustar":
        return _listing("linux", window, list(_tar_members(window)))
    if start.startswith(b"PK\x03\x04") and start[_ZIP_LOCAL.size :].startswith(name):
        return _listing("windows", window, list(_zip_members(window)))
    return PackageListing("opaque", size)


class _Window:
    """Ranged reads with the last range kept, because headers lie close together."""

    def __init__(self, read_at: ReadAt, size: int) -> None:
        self.size = size
        self._read_at = read_at
        self._start = 0
        self._data = b""

    def read(self, offset: int, size: int) -> bytes:
        """Give exactly ``size`` bytes, or what there is for the very first read."""
        end = offset + size
        if offset < self._start or end > self._start + len(self._data):
            wanted = min(max(size, _FIRST_READ), self.size - offset) if offset < self.size else 0
            self._start, self._data = offset, self._read_at(offset, wanted) if wanted else b""
        data = self._data[offset - self._start : end - self._start]
        if len(data) < size and offset:
            raise _damaged(f"it ends at byte {offset + len(data)}")
        return data


def _listing(kind: ContainerKind, window: _Window, members: list[PackedMember]) -> PackageListing:
    if len(members) < 2 or members[1].name != listing.NAME:
        raise _damaged(f"the second member is not {listing.NAME!r}")
    if members[0].size > _LARGEST_MANIFEST:
        raise _damaged(f"{MANIFEST} is too large")
    text, files = (window.read(member.offset, member.size) for member in members[:2])
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(f"{MANIFEST} is not JSON") from error
    if not isinstance(manifest, dict):
        raise _damaged(f"{MANIFEST} is not an object")
    form, payload_size = "zip", window.size - members[-1].offset - members[-1].size
    if kind == "linux":
        form, payload_size = members[-1].name.removeprefix(f"{PAYLOAD}."), members[-1].size
    return PackageListing(
        kind, window.size, manifest, listing.parse(files), tuple(members), form, payload_size
    )


def _tar_members(window: _Window) -> Iterator[PackedMember]:
    offset = 0
    for _ in range(_MOST_MEMBERS):
        header = window.read(offset, BLOCK)
        member = _tar_member(header, offset + BLOCK)
        if member.offset + member.size > window.size:
            raise _damaged(f"{member.name} ends behind the file's end")
        yield member
        if member.name in {f"{PAYLOAD}.tar", f"{PAYLOAD}.tar.gz", f"{PAYLOAD}.tar.zst"}:
            return
        if member.size > _LARGEST_MEMBER:
            raise _damaged(f"{member.name} is too large")
        offset = member.offset + member.size + padding(member.size)
    raise _damaged("it has too many members in front of the payload")


def _tar_member(header: bytes, offset: int) -> PackedMember:
    if len(header) != BLOCK:
        raise _damaged("a tar header is cut off")
    try:
        checksum = int(header[148:154], 8)
        size = int(header[124:135], 8)
        mode = int(header[100:107], 8)
        name = header[:100].rstrip(b"\0").decode("ascii")
    except ValueError as error:
        raise _damaged(f"no tar header in front of byte {offset}") from error
    # The checksum counts its own field as spaces.
    if sum(header) - sum(header[148:156]) + 8 * ord(" ") != checksum or header[156:157] != b"0" or size < 0:
        raise _damaged(f"no tar header in front of byte {offset}")
    return PackedMember(name, offset, size, mode)


def _zip_members(window: _Window) -> Iterator[PackedMember]:
    """Walk the stored members at the front by their local headers; the directory is not needed for them."""
    offset = 0
    for _ in range(_MOST_MEMBERS):
        fixed = window.read(offset, _ZIP_LOCAL.size)
        if len(fixed) != _ZIP_LOCAL.size:
            raise _damaged("a zip header is cut off")
        magic, _, _, method, _, _, _, compressed, size, name_size, extra = _ZIP_LOCAL.unpack(fixed)
        if magic != b"PK\x03\x04":
            return
        name = window.read(offset + _ZIP_LOCAL.size, name_size).decode("utf-8", "replace")
        if name.startswith(f"{PAYLOAD}/"):
            return
        start = offset + _ZIP_LOCAL.size + name_size + extra
        if method != 0 or compressed != size or size > _LARGEST_MEMBER or start + size > window.size:
            raise _damaged(f"{name[:80]!r} is not stored as vmpack stores it")
        # Modes stand in the directory at the zip's end, which is not read for this.
        yield PackedMember(name, start, size, 0o644)
        offset = start + size
    raise _damaged("it has too many members in front of the payload")


def _damaged(what: str) -> VerificationError:
    return VerificationError(
        f"the package is damaged: {what}", remedy="Build or download it again.", rule="package-damaged"
    )
