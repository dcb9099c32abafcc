"""What a schema cannot say: rules between two properties, all of them vmpack's own (the platform's are in gallery)."""

import re
from collections.abc import Iterator
from datetime import date, datetime

from vmpack.manifest.model import Manifest, Pointer
from vmpack.manifest.rules import rule
from vmpack.manifest.schema import Violation

_FORMATS = {"linux": ("tar.zst", "tar.gz", "tar", "none"), "windows": ("zip", "none")}
_LEVELS = {"tar.zst": (1, 19), "tar.gz": (1, 9), "zip": (0, 9)}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)")
_ABSOLUTE = {
    "linux": re.compile(r"/.*", re.DOTALL),
    "windows": re.compile(r"([A-Za-z]:|%\w+%)[\\/].*", re.DOTALL),
}


def check(manifest: Manifest) -> Iterator[Violation]:
    """Give every broken rule between properties."""
    yield from _format(manifest)
    yield from _level(manifest)
    yield from _retains(manifest)
    if manifest.end_of_life_date is not None and parse_date(manifest.end_of_life_date) is None:
        yield _broken("date-format", ("endOfLifeDate",), value=manifest.end_of_life_date)


def parse_date(text: str) -> date | None:
    """Read a day or an RFC 3339 time; None for anything else."""
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text.upper()).date()
    except ValueError:
        pass
    return None


def _format(manifest: Manifest) -> Iterator[Violation]:
    form = manifest.payload.format
    if form not in _FORMATS[manifest.os]:
        yield _broken("payload-format-os", ("payload", "format"), format=form, os=manifest.os)
    if form == "none" and manifest.installer:
        yield _broken("payload-format-none", ("payload", "format"))


def _level(manifest: Manifest) -> Iterator[Violation]:
    form, level = manifest.payload.format, manifest.payload.level
    if level is None:
        return
    if form not in _LEVELS:
        yield _broken(
            "payload-level", ("payload", "level"), level=level, format=form, detail="it compresses nothing"
        )
        return
    low, high = _LEVELS[form]
    if not low <= level <= high:
        detail = f"{low} to {high} are possible"
        yield _broken("payload-level", ("payload", "level"), level=level, format=form, detail=detail)


def _retains(manifest: Manifest) -> Iterator[Violation]:
    for index, path in enumerate(manifest.retains):
        if not _ABSOLUTE[manifest.os].fullmatch(path) or ".." in re.split(r"[\\/]", path):
            yield _broken("retains-absolute", ("retains", index), path=path, os=manifest.os)


def _broken(rule_id: str, pointer: Pointer, **values: object) -> Violation:
    found = rule(rule_id)
    return Violation(rule_id, found.message.format(**values), found.remedy.format(**values), pointer)
