"""The Linux package: an uncompressed tar in the manner of a .deb."""

from collections.abc import Sequence

from vmpack.package.archive import Archive
from vmpack.package.model import Member
from vmpack.package.tar import BLOCK, END, TarHeaders, padding
from vmpack.package.tarball import Tarball
from vmpack.types import PayloadFormat


class TarContainer:
    """Small members, then one member ``payload.<format>``."""

    def __init__(self, form: PayloadFormat, level: int, mtime: int) -> None:
        self._payload = Tarball(form, level, mtime)
        self.archive: Archive = self._payload
        self._headers = TarHeaders(mtime)
        self._name = f"payload.{form}"

    def head_size(self, members: Sequence[Member]) -> int:
        """Give the bytes in front of the payload."""
        return sum(BLOCK + len(member.data) + padding(len(member.data)) for member in members) + BLOCK

    def finish(self, members: Sequence[Member], offset: int) -> tuple[bytes, bytes]:
        """Give what stands in front of the payload and, from ``offset`` on, behind it."""
        end = self._payload.end()
        size = offset + len(end) - self.head_size(members)
        return self._head(members, size), end + bytes(padding(size)) + END

    def _head(self, members: Sequence[Member], payload_size: int) -> bytes:
        parts: list[bytes] = []
        for member in members:
            size = len(member.data)
            parts.append(self._headers.header(member.name, "file", member.mode, size))
            parts += (member.data, bytes(padding(size)))
        parts.append(self._headers.header(self._name, "file", 0o644, payload_size))
        return b"".join(parts)
