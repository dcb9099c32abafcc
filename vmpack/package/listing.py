"""The member ``files``: every path of the payload with mode, size and sha256, as an mtree(5) specification.

Its length is known before a byte of the payload is read, because a digest always has 64 characters: the
package's head is measured first and written last.
"""

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence

from vmpack.content.model import Entry, EntryKind
from vmpack.errors import VerificationError
from vmpack.package.model import FileRecord

NAME = "files"
_START = "#mtree\n/set type=file uid=0 gid=0 mode=0644\n"
_NO_DIGEST = "0" * 64
_CHUNK = 1000
"""Lines that are held as text at a time."""
# What mtree readers take for something else: space, comment, escape, glob characters, and all but ASCII.
_ODD = re.compile(rb"[^!-~]|[\\#*?\[=]")
_ESCAPE = re.compile(rb"\\([0-3][0-7]{2})")
_is_plain = re.compile(r"""[!"$-)+-<>@-Z\]-~]*""").fullmatch
_PLAIN = re.compile(r"[!-~]*", re.ASCII)
_KINDS: dict[str, EntryKind] = {"file": "file", "dir": "directory", "link": "symlink"}
_OCTAL_MODE = re.compile(r"0[0-7]{3}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SIZE = re.compile(r"[0-9]{1,18}")


class Listing:
    """The member's bytes, written once with room for the digests and filled in when they are known."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._places = array("Q")
        self._text = bytearray(_START, "ascii")
        lines: list[str] = []
        at = len(self._text)
        for path, kind, mode, size, target, _ in entries:
            name = path if _is_plain(path) else _escape(path)
            if kind == "file":
                octal = "" if mode == 0o644 else f" mode={mode:04o}"
                line = f"./{name}{octal} size={size} sha256={_NO_DIGEST}\n"
                self._places.append(at + len(line) - len(_NO_DIGEST) - 1)
            elif kind == "directory":
                line = f"./{name} type=dir mode={mode:04o}\n"
            else:
                line = f"./{name} type=link mode={mode:04o} link={_escape(target)}\n"
            at += len(line)
            lines.append(line)
            if len(lines) == _CHUNK:
                self._text += "".join(lines).encode("ascii")
                lines.clear()
        self._text += "".join(lines).encode("ascii")

    def blank(self) -> bytes:
        """Give the bytes without a digest."""
        return bytes(self._text)

    def filled(self, digests: Iterable[bytes | None]) -> bytes:
        """Give the bytes with the sha256 of each entry that is a file (None for the others)."""
        text = self._text
        for place, digest in zip(self._places, filter(None, digests), strict=True):
            text[place : place + 64] = digest.hex().encode()
        return bytes(text)


def parse(data: bytes) -> tuple[FileRecord, ...]:
    """Read the member back; raise VerificationError for anything that ``render`` does not write."""
    text = data.decode("ascii", "replace")
    if not text.startswith(_START) or not text.endswith("\n"):
        raise _malformed("the first lines or the last line end")
    lines = text[len(_START) : -1].split("\n") if len(text) > len(_START) else []
    return tuple(_records(lines))


def _records(lines: Iterable[str]) -> Iterator[FileRecord]:
    previous = ""
    for line in lines:
        try:
            record = _record(line)
        except (ValueError, KeyError) as error:
            raise _malformed(repr(line[:80])) from error
        if record.path <= previous:
            raise _malformed(f"{line[:80]!r} is out of order")
        previous = record.path
        yield record


def _record(line: str) -> FileRecord:
    name, *words = line.split(" ")
    fields = dict(word.split("=", 1) for word in words)
    if not name.startswith("./") or len(fields) != len(words):
        raise ValueError(line)
    path = _unescape(name[2:])
    if not path or path.startswith("/") or any(part in {"", ".", ".."} for part in path.split("/")):
        raise ValueError(line)
    kind = _KINDS[fields.pop("type", "file")]
    mode = int(_checked(_OCTAL_MODE, fields.pop("mode", "0644")), 8)
    size, digest, target = 0, "", ""
    if kind == "file":
        size = int(_checked(_SIZE, fields.pop("size")))
        digest = _checked(_DIGEST, fields.pop("sha256"))
    elif kind == "symlink":
        target = _unescape(fields.pop("link"))
    if fields:
        raise ValueError(line)
    return FileRecord(path, kind, mode, size, digest, target)


def _checked(pattern: re.Pattern[str], text: str) -> str:
    if pattern.fullmatch(text) is None:
        raise ValueError(text)
    return text


def _escape(path: str) -> str:
    return _ODD.sub(lambda match: b"\\%03o" % match[0][0], path.encode()).decode("ascii")


def _unescape(text: str) -> str:
    if _PLAIN.fullmatch(text) is None:
        raise ValueError(text)
    if "\\" not in text:
        return text
    raw = text.encode("ascii")
    if b"\\" in _ESCAPE.sub(b"", raw):
        raise ValueError(text)
    return _ESCAPE.sub(lambda match: bytes((int(match[1], 8),)), raw).decode("utf-8")


def _malformed(what: str) -> VerificationError:
    return VerificationError(
        f"the package's list of files is damaged: {what}", rule="package-files", remedy="Build it again."
    )
