"""A template and a manifest to the scripts of a package: data in, text out."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmpack.errors import TemplateError
from vmpack.installer.discovery import Template, find, library_file, read_inside
from vmpack.installer.environment import Language, language_of, make_environment
from vmpack.installer.model import Lifecycle, PayloadFacts, Script
from vmpack.installer.names import names
from vmpack.installer.params import completed, search_path
from vmpack.installer.quoting import QuotingError
from vmpack.manifest.model import Manifest
from vmpack.types import JSONValue, Os

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from jinja2 import Environment

LOG_FOLDER: Mapping[Os, str] = {"linux": "/var/log/vmpack", "windows": r"%ProgramData%\vmpack\logs"}
"""Logs survive remove on purpose: they are what one reads when it failed."""
_ALWAYS: Mapping[Os, tuple[str, ...]] = {
    "linux": ("core.sh", "app.sh.j2"),
    "windows": ("core.ps1", "guard.ps1", "app.ps1.j2"),
}


def render(manifest: Manifest, facts: PayloadFacts, *, template_dirs: Sequence[Path] = ()) -> Lifecycle:
    """Render the manifest's installer.

    Raises TemplateError (3) when there is no such template, its parameters do not fit (``findings``), or the
    template itself is wrong (``where`` is its file and line).
    """
    if manifest.installer is None:
        raise TemplateError("the manifest names no installer", where=str(manifest.source.path))
    template = find(manifest.installer.template, search_path(manifest, template_dirs))
    return render_template(template, manifest, facts, completed(manifest, template))


def render_template(
    template: Template, manifest: Manifest, facts: PayloadFacts, params: dict[str, JSONValue]
) -> Lifecycle:
    """Render a template that was found already, with parameters that are complete."""
    context = names(manifest, facts, params)
    files = _sources(template, manifest.os)
    scripts = tuple(_script(template, manifest.os, name, source, context) for name, source in files.items())
    return Lifecycle(template.name, params, scripts, _retained(template, manifest.os, params))


def _sources(template: Template, os: Os) -> dict[str, str]:
    """Map each file of the package's ``lifecycle/`` to the Jinja name it comes from; the library first."""
    sources = {_target(name): f"_lib/{os}/{name}" for name in (*_ALWAYS[os], *template.library.get(os, ()))}
    for name in template.files(os):
        if name in sources:
            raise TemplateError(f"{name} is also the name of a library file", where=str(template.root))
        sources[name] = f"{os}/{name}.j2"
    return sources


def _target(name: str) -> str:
    return name.removesuffix(".j2")


def _script(template: Template, os: Os, name: str, source: str, context: Mapping[str, Any]) -> Script:
    language = language_of(name)
    if not source.endswith(".j2"):
        text = library_file(source.removeprefix("_lib/"))
    elif language is None:
        raise TemplateError(
            f"no language is known for {name}", where=str(template.root.joinpath(f"{os}/{name}.j2"))
        )
    else:
        text = _rendered(template, language, source, context)
    runs = name.endswith((".sh", ".py"))
    return Script(name, _encoded(text, language), 0o755 if runs else 0o644)


def _rendered(template: Template, language: Language, source: str, context: Mapping[str, Any]) -> str:
    from jinja2 import TemplateSyntaxError
    from jinja2.exceptions import TemplateError as JinjaError

    try:
        environment = _environment(template.root, language)  # type: ignore[arg-type]  # every Traversable hashes
        return environment.get_template(source).render(context)
    except TemplateSyntaxError as error:
        where = f"{error.filename or source}:{error.lineno}"
        raise TemplateError(f"the template cannot be read: {error.message}", where=where) from error
    except (JinjaError, QuotingError, TypeError, ValueError, ArithmeticError) as error:
        where = _place(error) or str(template.root.joinpath(source))
        raise TemplateError(f"the template cannot be rendered: {error}", where=where) from error


@cache
def _environment(root: "Traversable", language: Language) -> "Environment":
    """Keep what is compiled, as long as the file says the same: a template's tests render it many hundred times."""
    from jinja2 import FunctionLoader

    def read(name: str) -> str:
        if name.startswith("_lib/"):
            return library_file(name.removeprefix("_lib/"))
        return read_inside(root, name)

    def load(name: str) -> tuple[str, str, Callable[[], bool]]:
        text = read(name)
        place = name if name.startswith("_lib/") else str(root.joinpath(name))
        return text, place, lambda: read(name) == text

    return make_environment(language, FunctionLoader(load))


def _place(error: BaseException) -> str:
    """Find the innermost template line of an error: Jinja rewrites tracebacks to name the template's file."""
    place, frame = "", error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        if code.co_filename.endswith(".j2"):
            place = f"{code.co_filename}:{frame.tb_lineno}"
        frame = frame.tb_next
    return place


def _encoded(text: str, language: Language | None) -> bytes:
    if language and language.crlf:
        text = text.replace("\n", "\r\n")
    return (b"\xef\xbb\xbf" if language and language.bom else b"") + text.encode()


def _retained(template: Template, os: Os, params: Mapping[str, JSONValue]) -> tuple[str, ...]:
    paths = [LOG_FOLDER[os]]
    for item in template.retains.get(os, ()):
        if item.unless and params.get(item.unless):
            continue
        value = params.get(item.param) if item.param else item.path
        values = value if isinstance(value, (list, tuple)) else [value]
        paths += [item.prefix + str(path) for path in values if path]
    return tuple(dict.fromkeys(paths))
