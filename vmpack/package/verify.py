"""Proof that a package's payload is what its list of files says, read as a stream."""

import gzip
import hashlib
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from vmpack.errors import VerificationError, VmpackError
from vmpack.findings import Finding
from vmpack.package.read import PackageListing, read_file_package
from vmpack.package.tar import END, TarHeaders, padding

Read = Callable[[int], bytes]
_READ = 1 << 20
_MOST_FINDINGS = 100


def verify_payload(path: Path) -> Iterator[Finding]:
    """Compare every path, mode, link, size and sha256 of the payload with the package's ``files``.

    Gives at most 100 findings; an opaque package has nothing to compare. Raises VerificationError when the
    package cannot be read to its end.
    """
    listing = read_file_package(path)
    if listing.container == "opaque":
        return
    differences = _tar_differences if listing.container == "linux" else _zip_differences
    try:
        for count, (message, place) in enumerate(differences(path, listing)):
            if count == _MOST_FINDINGS:
                return
            help_text = "Build the release again."
            yield Finding("package-files-differ", "error", message, help_text, f"{path}:{place}")
    except (VmpackError, MemoryError):
        raise
    except Exception as error:  # decoders fail in many ways on bytes that are not theirs
        raise VerificationError(
            f"the package's payload is damaged: {error}", where=path, rule="package-damaged"
        ) from error


def _tar_differences(path: Path, listing: PackageListing) -> Iterator[tuple[str, str]]:
    """Compare a tar with the one that the list of files stands for: every header is known byte for byte."""
    payload = listing.members[-1]
    with path.open("rb") as file:
        headers = TarHeaders(_mtime(file))
        read = _reader(listing.payload_format, _Stretch(file, payload.offset, payload.size))
        for record in listing.files:
            header = headers.header(record.path, record.kind, record.mode, record.size, record.target)
            if _take(read, len(header)) != header:
                # Where the next member begins can no longer be told.
                yield "name, kind, mode, size or link differ from the list of files", record.path
                return
            if record.kind == "file":
                if _digest(read, record.size) != record.sha256:
                    yield "the sha256 differs from the list of files", record.path
                _take(read, padding(record.size))
        if _take(read, len(END) + 1) != END:
            yield "more follows than the list of files has", payload.name


def _mtime(file: IO[bytes]) -> int:
    """Give the time that all members have, out of the first header."""
    file.seek(136)
    return int(file.read(11), 8)


def _reader(form: str, file: "_Stretch") -> Read:
    stream: Any = file
    if form == "tar.zst":
        from zstandard import ZstdDecompressor

        return ZstdDecompressor().stream_reader(stream, read_across_frames=True).read
    if form == "tar.gz":
        return gzip.GzipFile(fileobj=stream, mode="rb").read
    return file.read


class _Stretch:
    """A file-like view of a part of the package."""

    def __init__(self, file: IO[bytes], offset: int, size: int) -> None:
        self._file = file
        self._left = size
        file.seek(offset)

    def read(self, size: int) -> bytes:
        """Read up to ``size`` bytes."""
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data


def _take(read: Read, size: int) -> bytes:
    """Read ``size`` bytes, fewer only at the end."""
    data = read(size)
    while len(data) < size and (more := read(size - len(data))):
        data += more
    return data


def _digest(read: Read, size: int) -> str:
    digest = hashlib.sha256()
    while size:
        data = read(min(size, _READ))
        if not data:
            raise EOFError("it ends in the middle of a file")
        digest.update(data)
        size -= len(data)
    return digest.hexdigest()


def _zip_differences(path: Path, listing: PackageListing) -> Iterator[tuple[str, str]]:
    small = {member.name for member in listing.members}
    expected = {record.path: record for record in listing.files}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename in small:
                small.remove(member.filename)
                continue
            name = member.filename.removeprefix("payload/").rstrip("/")
            wanted = expected.pop(name, None)
            if wanted is None:
                yield "is in the payload, but not in the list of files", name
            elif _zip_status(member) != (wanted.kind, wanted.mode, wanted.size):
                yield "kind, mode or size differ from the list of files", name
            elif wanted.kind == "file":
                with archive.open(member) as content:
                    if _digest(content.read, wanted.size) != wanted.sha256:
                        yield "the sha256 differs from the list of files", name
    for name in [*expected, *small]:
        yield "is in the list of files, but not in the payload", name


def _zip_status(member: zipfile.ZipInfo) -> tuple[str, int, int]:
    mode = member.external_attr >> 16
    kind = {stat.S_IFREG: "file", stat.S_IFDIR: "directory"}.get(stat.S_IFMT(mode), "")
    return kind, stat.S_IMODE(mode), member.file_size
