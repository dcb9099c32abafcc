"""Tar headers, made from templates: owner root, one fixed time, nothing of the build host.

Names stand in the header as UTF-8 bytes; longer ones get GNU's long-name records, because busybox tar ignores
pax headers while GNU tar, busybox, libarchive and Python all read these, and none of them converts the bytes.
"""

from vmpack.content.model import EntryKind

BLOCK = 512
END = bytes(2 * BLOCK)
"""What ends an archive."""

_TYPES: dict[EntryKind, bytes] = {"file": b"0", "directory": b"5", "symlink": b"2"}
NAME_FIELD = 100
"""Bytes of a name, or of a link's target, that fit into a header."""
_OCTAL_SIZE_LIMIT = 8 << 30
_LONG_NAME = b"././@LongLink"


class TarHeaders:
    """Makes the headers of one archive, whose members all have the same time."""

    def __init__(self, mtime: int) -> None:
        self._mtime = b"%011o\0" % mtime
        self._templates: dict[tuple[bytes, int], tuple[bytes, bytes, int]] = {}

    def header(self, path: str, kind: EntryKind, mode: int, size: int = 0, target: str = "") -> bytes:
        """Give everything that stands before a member's data; a multiple of 512 bytes."""
        name = path.encode() if kind != "directory" else path.encode() + b"/"
        link = target.encode()
        typeflag = _TYPES[kind]
        if len(name) <= NAME_FIELD and len(link) <= NAME_FIELD:
            return self._block(name, typeflag, mode, size, link)
        records = self._long(b"L", name) + self._long(b"K", link)
        return records + self._block(name[:NAME_FIELD], typeflag, mode, size, link[:NAME_FIELD])

    def _long(self, typeflag: bytes, text: bytes) -> bytes:
        if len(text) <= NAME_FIELD:
            return b""
        size = len(text) + 1
        return self._block(_LONG_NAME, typeflag, 0o644, size, b"") + text + bytes(1 + padding(size))

    def _block(self, name: bytes, typeflag: bytes, mode: int, size: int, link: bytes) -> bytes:
        template = self._templates.get((typeflag, mode))
        if template is None:
            template = self._templates[typeflag, mode] = self._template(typeflag, mode)
        before, after, base = template
        length = b"%011o\0" % size if size < _OCTAL_SIZE_LIMIT else b"\x80" + size.to_bytes(11, "big")
        checksum = base + sum(name) + sum(length) + sum(link)
        return b"".join(
            (
                name.ljust(NAME_FIELD, b"\0"),
                before,
                length,
                self._mtime,
                b"%06o\0 " % checksum,
                typeflag,
                link.ljust(NAME_FIELD, b"\0"),
                after,
            )
        )

    def _template(self, typeflag: bytes, mode: int) -> tuple[bytes, bytes, int]:
        """Give what stands before the size, what stands behind the link, and the sum of all constant bytes."""
        before = b"%07o\0" % mode + b"0000000\0" * 2
        owner = b"root".ljust(32, b"\0")
        after = b"ustar\x0000" + owner + owner + b"0000000\0" * 2
        after = after.ljust(255, b"\0")
        return before, after, sum(before) + sum(after) + sum(self._mtime) + sum(typeflag) + 8 * ord(" ")


def padding(size: int) -> int:
    """Give the number of zero bytes that follow ``size`` bytes of data."""
    return -size % BLOCK


def header_size(path: str, kind: EntryKind, target: str = "") -> int:
    """Give the length of what ``TarHeaders.header`` will make, without making it."""
    name = (len(path) if path.isascii() else len(path.encode())) + (kind == "directory")
    if name <= NAME_FIELD and not target:
        return BLOCK
    return BLOCK + sum(
        BLOCK + length + 1 + padding(length + 1)
        for length in (name, len(target.encode()))
        if length > NAME_FIELD
    )
