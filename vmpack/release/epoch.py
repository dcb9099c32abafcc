"""SOURCE_DATE_EPOCH: the time that every member of a package carries."""

from collections.abc import Mapping

from vmpack.errors import UsageError
from vmpack.package.model import DEFAULT_MTIME

_LATEST = 4354819199
"""2107-12-31T23:59:59Z, the last moment that a zip can store."""


def source_date_epoch(environment: Mapping[str, str]) -> int:
    """Give the seconds since 1970 that SOURCE_DATE_EPOCH asks for, or the fixed default.

    Times before 1980 become 1980, the first that a zip can store. Raises UsageError for anything that is not a
    whole number of seconds up to the year 2107: a typo must not silently change every byte.
    """
    text = environment.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return DEFAULT_MTIME
    if not (text.isascii() and text.isdigit()) or int(text[:20]) > _LATEST:
        raise UsageError(
            f"SOURCE_DATE_EPOCH is {text!r}",
            why="It must be a whole number of seconds since 1970, up to the year 2107.",
            remedy="Set it with `SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)`, or unset it.",
        )
    return max(int(text), DEFAULT_MTIME)
