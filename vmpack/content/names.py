"""Names that cannot be stored or cannot be unpacked: bytes that are not text, Windows' own words, look-alikes."""

import re
from collections.abc import Iterable, Iterator, Sequence

from vmpack.content.problems import printable, problem
from vmpack.findings import Finding
from vmpack.types import Os

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_WINDOWS_FORBIDDEN = re.compile(r'[<>:"|?*\\]')
# "CON.txt" is as reserved as "CON": Microsoft, "Naming Files, Paths, and Namespaces".
_WINDOWS_RESERVED = re.compile(
    r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|COM[0-9\u00b9\u00b2\u00b3]|LPT[0-9\u00b9\u00b2\u00b3])[ ]*(\..*)?",
    re.IGNORECASE,
)
_NAME_LENGTH = 255
_LINUX_PATH_BYTES = 3840
"""PATH_MAX is 4096; the rest is left for the folder that the payload is unpacked into."""
_WINDOWS_PATH_UNITS = 240
"""MAX_PATH is 260, and Windows PowerShell 5.1 cannot be relied on to go beyond."""


def name_problems(paths: Sequence[str], os: Os) -> Iterator[Finding]:
    """Give what is wrong with the last part of each path (its folders are paths of their own) and its length."""
    if os == "linux":
        text = "".join(paths)
        if text.isascii() and text.isprintable() and max(map(len, paths), default=0) <= _NAME_LENGTH:
            return
    for path in paths:
        yield from _problems(path, os)


def _problems(path: str, os: Os) -> Iterator[Finding]:
    name = path[path.rfind("/") + 1 :]
    try:
        encoded = name.encode("utf-8")
    except UnicodeEncodeError:
        yield problem("payload-name", path, "the name is not UTF-8", "Rename it.")
        return
    if _CONTROL.search(name):
        yield problem("payload-name", path, "the name contains a control character", "Rename it.")
    if os == "windows":
        yield from _windows_problems(name, path)
        return
    if len(encoded) > _NAME_LENGTH:
        yield problem("payload-name-length", path, f"the name has {len(encoded)} bytes, Linux allows 255")
    if len(path.encode("utf-8", "replace")) > _LINUX_PATH_BYTES:
        yield problem("payload-path-length", path, "the path is too long to be unpacked")


def _windows_problems(name: str, path: str) -> Iterator[Finding]:
    if found := _WINDOWS_FORBIDDEN.search(name):
        yield problem(
            "payload-windows-name", path, f"Windows does not allow {found[0]} in a name", "Rename it."
        )
    if name.endswith((".", " ")):
        yield problem("payload-windows-name", path, "Windows drops a dot or space at the end of a name")
    if _WINDOWS_RESERVED.fullmatch(name):
        yield problem("payload-windows-name", path, "Windows reserves this name for a device", "Rename it.")
    if len(path.encode("utf-16-le", "replace")) // 2 > _WINDOWS_PATH_UNITS:
        yield problem(
            "payload-path-length", path, f"the path is longer than {_WINDOWS_PATH_UNITS} characters"
        )


def collisions(paths: Iterable[str], os: Os) -> Iterator[Finding]:
    """Give every path that would overwrite another one on Windows: same name but for case or Unicode form."""
    if os != "windows":
        return
    import unicodedata

    seen: dict[str, str] = {}
    for path in paths:
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
        other = seen.setdefault(key, path)
        if other != path:
            how = "only in case" if other.casefold() == path.casefold() else "only in Unicode form"
            message = f"differs {how} from {printable(other)}"
            yield problem("payload-collision", path, message, "Windows takes the two for one: rename one.")
