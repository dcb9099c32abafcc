"""What a schema cannot say: rules between two properties, all of them vmpack's own (the platform's are in gallery)."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import NamedTuple

from vmpack.manifest.model import Manifest
from vmpack.types import Pointer

_FORMATS = {"linux": ("tar.zst", "tar.gz", "tar", "none"), "windows": ("zip", "none")}
_LEVELS = {"tar.zst": (1, 19), "tar.gz": (1, 9), "zip": (0, 9)}
_TIME = r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)"
_ABSOLUTE = {"linux": r"/(?s:.*)", "windows": r"([A-Za-z]:|%\w+%)[\\/](?s:.*)"}


class Broken(NamedTuple):
    """A broken rule of this room, by its id; ``values`` fill in its words."""

    rule: str
    pointer: Pointer
    values: Mapping[str, object]


def check(manifest: Manifest) -> Iterator[Broken]:
    """Give every broken rule between properties."""
    yield from _format(manifest)
    yield from _level(manifest)
    yield from _retains(manifest)
    if manifest.end_of_life_date is not None and parse_date(manifest.end_of_life_date) is None:
        yield Broken("date-format", ("endOfLifeDate",), {"value": manifest.end_of_life_date})


def parse_date(text: str) -> date | None:
    """Read a day or an RFC 3339 time; None for anything else."""
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return date.fromisoformat(text)
        if re.fullmatch(_TIME, text, re.ASCII):
            return datetime.fromisoformat(text.upper()).date()
    except ValueError:
        pass
    return None


def _format(manifest: Manifest) -> Iterator[Broken]:
    form = manifest.payload.format
    if form not in _FORMATS[manifest.os]:
        yield Broken("payload-format-os", ("payload", "format"), {"format": form, "os": manifest.os})
    if form == "none" and manifest.installer:
        yield Broken("payload-format-none", ("payload", "format"), {})


def _level(manifest: Manifest) -> Iterator[Broken]:
    form, level = manifest.payload.format, manifest.payload.level
    if level is None:
        return
    low, high = _LEVELS.get(form, (0, -1))
    if not low <= level <= high:
        detail = f"{low} to {high} are possible" if form in _LEVELS else "it compresses nothing"
        values = {"level": level, "format": form, "detail": detail}
        yield Broken("payload-level", ("payload", "level"), values)


def _retains(manifest: Manifest) -> Iterator[Broken]:
    for index, path in enumerate(manifest.retains):
        if not re.fullmatch(_ABSOLUTE[manifest.os], path) or ".." in re.split(r"[\\/]", path):
            yield Broken("retains-absolute", ("retains", index), {"path": path, "os": manifest.os})
