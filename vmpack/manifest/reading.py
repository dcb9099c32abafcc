"""The one place that touches the disk: a path to the text of a JSON file, or a finding that says why not."""

import os
import stat
from pathlib import Path

from vmpack.findings import Finding

FILE_NAME = "vmapp.json"
LARGEST = 1 << 20
"""Bytes; a larger file is refused by its size and never read."""


class Unreadable(Exception):  # noqa: N818 - carries a finding, never leaves this room
    """The file gives no text."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def manifest_path(path: Path) -> Path:
    """Give the manifest that a path names: the file itself, or ``vmapp.json`` in a folder."""
    return path / FILE_NAME if path.is_dir() else path


def read_text(path: Path) -> str:
    """Read a UTF-8 text of at most ``LARGEST`` bytes; raise Unreadable. Never blocks on a FIFO or a device."""
    return _decode(_read(path), path)


def _read(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise _unreadable(path, "manifest-not-a-file")
        # Between stat and open the file may become a FIFO: O_NONBLOCK keeps open() from waiting for a writer.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _unreadable(path, "manifest-not-a-file")
            if status.st_size > LARGEST:
                raise _unreadable(path, "manifest-too-big", size=status.st_size, limit=LARGEST)
            data = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise _unreadable(path, "manifest-missing") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _unreadable(path, "manifest-unreadable", reason=reason) from None
    if len(data) > LARGEST:
        raise _unreadable(path, "manifest-too-big", size=len(data), limit=LARGEST)
    return data


def _decode(data: bytes, path: Path) -> str:
    if detail := _wide_encoding(data):
        raise _unreadable(path, "json-encoding", line=1, column=1, detail=detail)
    if data.startswith(b"\xef\xbb\xbf"):
        raise _unreadable(path, "json-bom", line=1, column=1)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        lines = before.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        detail = f" at the byte 0x{data[error.start]:02x}; it may be Latin-1 or Windows-1252"
        raise _unreadable(
            path, "json-encoding", line=len(lines), column=len(lines[-1]) + 1, detail=detail
        ) from None


def _wide_encoding(data: bytes) -> str:
    """Tell UTF-16 and UTF-32 by their mark, or by the zero bytes around the first ASCII letters."""
    if data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return " but UTF-32"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return " but UTF-16"
    zeros = [byte == 0 for byte in data[:4]]
    if zeros in ([True, True, True, False], [False, True, True, True]):
        return " but UTF-32"
    return " but UTF-16" if zeros in ([True, False, True, False], [False, True, False, True]) else ""


def _unreadable(path: Path, rule_id: str, *, line: int = 0, column: int = 0, **values: object) -> Unreadable:
    from vmpack.manifest.rules import rule

    found = rule(rule_id)
    message = found.message.format(**values)
    return Unreadable(Finding(rule_id, found.severity, message, found.remedy, str(path), line, column))
