"""What a platform rule is: its words as data, and a small pure function that finds where it is broken."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from vmpack.limits import Limits
from vmpack.manifest.model import Manifest
from vmpack.manifest.rules import Rule
from vmpack.types import Pointer


class Circumstances(NamedTuple):
    """What a rule may know beside the manifest."""

    today: date
    limits: Limits


class Breach(NamedTuple):
    """One place where a rule is broken; ``values`` fill the braces of the rule's message and remedy."""

    pointer: Pointer
    values: Mapping[str, object] = MappingProxyType({})
    hide: bool = False
    """The value is a secret: the line that is shown blanks it."""


class PlatformRule(NamedTuple):
    """A rule and the function that finds its breaches."""

    rule: Rule
    find: Callable[[Manifest, Circumstances], Iterable[Breach]]
