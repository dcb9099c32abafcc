"""The Windows package: one zip, its small members stored in front so that their length is known beforehand."""

import stat
import zlib
from collections.abc import Iterator, Sequence

from vmpack.package.archive import Archive
from vmpack.package.model import Member
from vmpack.package.zip_format import LOCAL_HEADER, STORED, ZipMember, ZipRecords, end_records
from vmpack.package.zip_payload import ZipPayload


class ZipContainer:
    """Small members, then ``payload/``, then the directory of both."""

    def __init__(self, level: int, mtime: int) -> None:
        self._payload = ZipPayload(level, mtime)
        self.archive: Archive = self._payload
        self._records = ZipRecords(mtime)

    def head_size(self, members: Sequence[Member]) -> int:
        """Give the bytes in front of the payload."""
        return sum(LOCAL_HEADER + len(member.name.encode()) + len(member.data) for member in members)

    def finish(self, members: Sequence[Member], offset: int) -> tuple[bytes, bytes]:
        """Give what stands in front of the payload and, from ``offset`` on, behind it."""
        records = [self._records.central_header(member) for member, _ in self._placed(members)]
        directory = b"".join(records) + self._payload.directory()
        end = end_records(len(records) + self._payload.count, len(directory), offset)
        return self._head(members), directory + end

    def _head(self, members: Sequence[Member]) -> bytes:
        return b"".join(self._records.local_header(member) + data for member, data in self._placed(members))

    def _placed(self, members: Sequence[Member]) -> Iterator[tuple[ZipMember, bytes]]:
        offset = 0
        for name, data, mode in ((member.name, member.data, member.mode) for member in members):
            crc, size = zlib.crc32(data), len(data)
            placed = ZipMember(name.encode(), stat.S_IFREG | mode, STORED, crc, size, size, offset)
            yield placed, data
            offset += len(self._records.local_header(placed)) + size
