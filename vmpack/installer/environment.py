"""Jinja, made safe: every ``{{ value }}`` comes out as one literal of the target's language.

``finalize`` quotes each value and marks the result as markup; autoescape leaves markup alone, so macros and
``set`` blocks are not quoted twice. What could slip past that (joining quoted text, methods of strings, filters
that escape for HTML) is refused rather than repaired. ``| raw`` is the one way out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from vmpack.installer import quoting
from vmpack.installer.quoting import QuotingError
from vmpack.values import dataclass

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.loaders import BaseLoader

Quote = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Language:
    """How one kind of generated file writes its values."""

    name: str
    suffix: str
    """Of the file that comes out: ``.sh``."""
    text: Quote
    booleans: tuple[str, str] | None
    """How false and true are written; None where a bare boolean has no meaning."""
    words: Callable[[Sequence[str]], str] | None
    """How a list of strings is written; None where the template must say it."""
    bom: bool = False
    crlf: bool = False


SHELL = Language(
    "sh",
    ".sh",
    quoting.shell,
    ("false", "true"),
    lambda words: " ".join(quoting.shell(word) for word in words),
)
POWERSHELL = Language(
    "powershell",
    ".ps1",
    quoting.powershell,
    ("$false", "$true"),
    lambda words: "@(" + ", ".join(quoting.powershell(word) for word in words) + ")",
    bom=True,
    crlf=True,
)
"""Windows PowerShell 5.1 reads a script without a byte order mark in the machine's own code page."""
UNIT = Language("systemd", ".service", quoting.unit_value, ("no", "yes"), None)

_TESTS = [
    "defined",
    "undefined",
    "none",
    "string",
    "number",
    "sequence",
    "mapping",
    "true",
    "false",
    "in",
    "==",
    "eq",
    "!=",
    "ne",
    "<",
    "lt",
    ">",
    "gt",
    "<=",
    "le",
    ">=",
    "ge",
]

LANGUAGES = (SHELL, POWERSHELL, UNIT)


def language_of(name: str) -> Language | None:
    """Tell the language of a generated file by its suffix; None for a suffix that no language has."""
    return next((language for language in LANGUAGES if name.endswith(language.suffix)), None)


def make_environment(language: Language, loader: BaseLoader) -> Environment:
    """Make the sandboxed environment that renders templates of one language."""
    environment = _environment_class()(
        loader=loader,
        autoescape=True,
        finalize=lambda value: _finalize(language, value),
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters = _filters(language)
    environment.tests = {name: environment.tests[name] for name in _TESTS}
    environment.globals = {}
    return environment


def _finalize(language: Language, value: object) -> object:
    from jinja2 import Undefined
    from markupsafe import Markup

    if isinstance(value, Undefined):
        return str(value)
    if isinstance(value, Markup):
        return value
    if isinstance(value, bool):
        if language.booleans is None:
            raise QuotingError(f"a {language.name} file has no word for a boolean")
        return Markup(language.booleans[value])  # noqa: S704 - the language's own word
    if isinstance(value, int):
        return Markup(str(value))  # noqa: S704 - digits
    if isinstance(value, str):
        return Markup(language.text(value))  # noqa: S704 - quoted above
    if isinstance(value, (list, tuple)) and language.words and all(type(item) is str for item in value):
        return Markup(language.words(value))  # noqa: S704 - quoted above
    raise QuotingError(f"a {type(value).__name__} cannot be written into a {language.name} file")


def _filters(language: Language) -> dict[str, Callable[..., Any]]:
    from markupsafe import Markup

    common: dict[str, Callable[..., Any]] = {
        "raw": lambda value: Markup(str(value)),  # noqa: S704 - the one way out, by name
        "comment": lambda value: Markup(quoting.comment(str(value))),  # noqa: S704 - one line
        "line": lambda value: quoting.comment(_text(value)),
        "length": len,
        "items": _items,
        "basename": lambda value: os.path.basename(_text(value)),
        "dirname": lambda value: os.path.dirname(_text(value)),
        "join": lambda value, separator="": _text(separator).join(_text(item) for item in value),
        "default": lambda value, other: other if value is None else value,
    }
    if language is POWERSHELL:
        common["arguments"] = lambda value: quoting.windows_arguments(_plain(value))
    if language is UNIT:
        common |= {
            "word": lambda value: Markup(quoting.unit_word(_text(value))),  # noqa: S704 - quoted
            "command": lambda value, folder: Markup(  # noqa: S704 - quoted
                quoting.unit_command(_plain(value), _text(folder))
            ),
        }
    return common


def _items(value: Mapping[str, object]) -> list[tuple[str, object]]:
    return sorted(value.items())


def _plain(value: object) -> list[str] | str:
    return list(map(_text, value)) if isinstance(value, (list, tuple)) else _text(value)


def _text(value: object) -> str:
    from markupsafe import Markup

    if isinstance(value, Markup) or not isinstance(value, (str, int)) or isinstance(value, bool):
        raise QuotingError(f"plain text is needed here, not {type(value).__name__}: quote last, join first")
    return str(value)


@cache
def _environment_class() -> type[Environment]:
    """Make the class once; it needs jinja2, which is imported only when something is rendered."""
    from jinja2 import StrictUndefined, nodes
    from jinja2.compiler import CodeGenerator, Frame
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from markupsafe import Markup

    class JoiningGenerator(CodeGenerator):
        """Joins ``a ~ b`` as plain text, to be quoted as one word; Jinja would escape it, and constants, for HTML."""

        def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
            if not isinstance(node, nodes.TemplateData):
                raise nodes.Impossible
            return super()._output_child_to_const(node, frame, finalize)

        def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja's name
            self.write("environment.join_text((")
            for part in node.nodes:
                self.visit(part, frame)
                self.write(", ")
            self.write("))")

    class QuotingEnvironment(ImmutableSandboxedEnvironment):
        """The sandbox, with mappings that hold data only and without ways to tamper with quoted text."""

        code_generator_class = JoiningGenerator
        intercepted_binops = frozenset(["+", "*", "%"])

        def __init__(self, **options: Any) -> None:
            super().__init__(undefined=StrictUndefined, **options)

        def join_text(self, parts: Sequence[object]) -> str:
            return "".join(map(_text, parts))

        def call_binop(self, context: object, operator: str, left: Any, right: Any) -> Any:
            if isinstance(left, (str, Markup)) or isinstance(right, (str, Markup)):
                raise QuotingError(f"texts are joined with ~, not with {operator}")
            return super().call_binop(context, operator, left, right)  # type: ignore[arg-type]

        def getattr(self, obj: Any, attribute: str) -> Any:
            if isinstance(obj, Mapping):
                return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
            return super().getattr(obj, attribute)

        def wrap_str_format(self, value: Any) -> None:
            """Let ``format`` be refused like any other method of a text; Jinja's own would escape for HTML."""

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            if isinstance(obj, (str, list, tuple, Mapping)):
                return False
            return super().is_safe_attribute(obj, attr, value)

    return QuotingEnvironment
