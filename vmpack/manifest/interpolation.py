"""``${NAME}`` in string values: one rule for all strings, and nothing else is expanded.

``$${`` gives a literal ``${``. Values are not expanded again, keys are left alone, and no value of a variable is
ever part of a message: the environment holds secrets.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from vmpack.manifest.rules import rule
from vmpack.manifest.suggest import did_you_mean
from vmpack.types import JSONValue, Pointer

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[^{}\"'\s]*)(?P<end>\}?)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNSAFE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A reference that cannot be replaced; ``part`` is where it stands in the string, in characters."""

    rule: str
    message: str
    help: str
    pointer: Pointer
    part: tuple[int, int]


@dataclass(slots=True)
class Interpolated:
    """A document with its references replaced, and the ones that could not be."""

    document: JSONValue = None
    problems: list[Unresolved] = field(default_factory=list)


def interpolate(
    document: JSONValue, variables: Mapping[str, str], environment: Mapping[str, str]
) -> Interpolated:
    """Replace every ``${NAME}``; ``variables`` win over ``environment``. What cannot be replaced stays as written."""
    result = Interpolated()
    resolver = _Resolver(variables, environment, result.problems)
    result.document = resolver.walk(document, ())
    return result


@dataclass(slots=True)
class _Resolver:
    variables: Mapping[str, str]
    environment: Mapping[str, str]
    problems: list[Unresolved]

    def walk(self, value: JSONValue, pointer: Pointer) -> JSONValue:
        if isinstance(value, str):
            return self.string(value, pointer) if "${" in value else value
        if isinstance(value, Mapping):
            return {key: self.walk(item, (*pointer, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.walk(item, (*pointer, index)) for index, item in enumerate(value)]
        return value

    def string(self, text: str, pointer: Pointer) -> str:
        return _REFERENCE.sub(lambda match: self.replace(match, pointer), text)

    def replace(self, match: re.Match[str], pointer: Pointer) -> str:
        name = match["name"]
        if name is None:
            return "${"
        if not match["end"] or not _NAME.fullmatch(name):
            self.refuse(
                "interpolation-syntax", match, pointer, reason=_reason(name, closed=bool(match["end"]))
            )
        elif (value := self.variables.get(name, self.environment.get(name))) is None:
            self.refuse("interpolation-undefined", match, pointer, name=name)
        elif unsafe := _UNSAFE.search(value):
            what = "NUL" if unsafe[0] == "\0" else "bytes that are not UTF-8"
            self.refuse("interpolation-value", match, pointer, name=name, what=what)
        else:
            return value
        return match[0]

    def refuse(self, rule_id: str, match: re.Match[str], pointer: Pointer, **values: str) -> None:
        found = rule(rule_id)
        remedy = found.remedy.format(**values)
        if rule_id == "interpolation-undefined":
            # Names from --set first: a near miss of those is likelier than one of the environment's.
            names = (*self.variables, *self.environment)
            remedy = f"{did_you_mean(values['name'], names)}{remedy}"
        self.problems.append(
            Unresolved(rule_id, found.message.format(**values), remedy, pointer, match.span())
        )


def _reason(name: str, *, closed: bool) -> str:
    if not closed:
        return "the closing } is missing" if not name or _NAME.fullmatch(name) else "the name is not one"
    if not name:
        return "the name is empty"
    if ":" in name or "-" in name:
        return "only plain names are expanded, no defaults or prefixes as in a shell"
    return "the name is not one"
