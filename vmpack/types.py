"""Shapes that more than one room speaks of."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

JSONValue: TypeAlias = "str | int | float | bool | Sequence[JSONValue] | Mapping[str, JSONValue] | None"

Pointer = tuple[str | int, ...]
"""The way from a document's root to one value: ``("targetRegions", 0, "name")``."""

Os = Literal["linux", "windows"]
PayloadFormat = Literal["tar.zst", "tar.gz", "tar", "zip", "none"]
RebootBehavior = Literal["None", "Rerun"]
Action = Literal["install", "update", "remove"]

ACTIONS: tuple[Action, ...] = ("install", "update", "remove")
