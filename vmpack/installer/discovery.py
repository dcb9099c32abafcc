"""Where installer templates are found, and what one declares of itself."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from vmpack import resources
from vmpack.errors import TemplateError
from vmpack.manifest.schema import problems as schema_problems
from vmpack.types import ACTIONS, Os
from vmpack.values import dataclass, field

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

ENGINE = 1
"""The contract between templates and vmpack: layout, context, filters, library functions."""
DEFINITION = "template.json"
PARAMS = "params.schema.json"
LIBRARY = "_lib"
SCRIPT_SUFFIX: Mapping[Os, str] = {"linux": ".sh", "windows": ".ps1"}


@dataclass(frozen=True, slots=True)
class Retained:
    """One declaration of what remove leaves behind: a fixed path, or the paths that a parameter names."""

    path: str | None = None
    param: str | None = None
    prefix: str = ""
    unless: str | None = None
    """A boolean parameter that, when true, makes remove delete them after all."""


@dataclass(frozen=True)
class Template:
    """An installer template: a folder of declarative files."""

    name: str
    summary: str
    os: tuple[Os, ...]
    library: Mapping[Os, tuple[str, ...]]
    """Files of ``_lib/<os>/`` that go into the package beside the template's own."""
    retains: Mapping[Os, tuple[Retained, ...]]
    root: "Traversable"
    origin: str
    """How it was found: ``built-in``, an entry point's name, or the folder it lies in."""
    version: str = ""
    requires: Mapping[Os, tuple[str, ...]] = field(default_factory=dict)
    """Programs the target must have beyond a shell and tar; for people to read."""

    @cached_property
    def params_schema(self) -> dict[str, Any]:
        """The JSON Schema of its parameters."""
        return _read_json(self.root, PARAMS)

    def files(self, os: Os) -> tuple[str, ...]:
        """Name the files it renders for one system, sorted, without the ``.j2``."""
        names = (item.name for item in self.root.joinpath(os).iterdir())
        return tuple(sorted(name[:-3] for name in names if name.endswith(".j2") and not name.startswith("_")))

    def read(self, name: str) -> str:
        """Read one file below the template's root; refuse a name or a link that leads outside."""
        return read_inside(self.root, name)


def find(name: str, template_dirs: Sequence[Path] = ()) -> Template:
    """Find one template by name; the first place that has it wins.

    The places: the given folders, the built-in ones, the user's template folder, entry points of the group
    ``vmpack.templates``. Raises TemplateError with the nearest names when there is none.
    """
    for root, origin in _places(template_dirs):
        folder = root.joinpath(name)
        if _is_name(name) and folder.joinpath(DEFINITION).is_file():
            return load(folder, origin)
    raise _unknown(name, template_dirs)


def available(template_dirs: Sequence[Path] = ()) -> tuple[Template, ...]:
    """Give every template that can be named, sorted by name; a shadowed one is left out."""
    found: dict[str, Template] = {}
    for template in everything(template_dirs):
        found.setdefault(template.name, template)
    return tuple(found.values())


def everything(template_dirs: Sequence[Path] = ()) -> tuple[Template, ...]:
    """Give every template there is, sorted by name; of those with one name the first is the one that is meant."""
    found = [
        load(folder, origin)
        for root, origin in _places(template_dirs)
        for folder in root.iterdir()
        if folder.joinpath(DEFINITION).is_file()
    ]
    return tuple(sorted(found, key=lambda template: template.name))


def load(folder: "Traversable", origin: str) -> Template:
    """Read a template's definition and hold it against its schema; raise TemplateError with every problem."""
    definition = _read_json(folder, DEFINITION)
    _check_definition(folder, definition)
    template = Template(
        name=definition["name"],
        summary=definition["summary"],
        os=tuple(definition["os"]),
        library={os: tuple(names) for os, names in definition.get("library", {}).items()},
        retains={os: tuple(Retained(**item) for item in items) for os, items in _retains(definition).items()},
        root=folder,
        origin=origin,
        version=definition.get("version", ""),
        requires={os: tuple(names) for os, names in definition.get("requires", {}).items()},
    )
    _check_scripts(template)
    return template


def library_file(name: str) -> str:
    """Read one file of the shared library: ``linux/core.sh``."""
    return read_inside(resources.templates().joinpath(LIBRARY), name)


def read_inside(root: "Traversable", name: str) -> str:
    """Read a text file below ``root``; raise TemplateError for a path or a link that leads out of it."""
    parts = PurePosixPath(name).parts
    path = root.joinpath(*parts)
    outside = not parts or name.startswith("/") or ".." in parts
    if not outside and isinstance(root, Path):
        outside = not Path(str(path)).resolve().is_relative_to(root.resolve())
    if outside:
        raise TemplateError(
            f"{name} lies outside the template",
            why="A template reads only its own folder and the shared library.",
            where=str(root),
        )
    try:
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        raise TemplateError(f"the template has no file {name}", where=str(root)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{name} cannot be read: {error}", where=str(root)) from error


def _places(template_dirs: Sequence[Path]) -> "Iterator[tuple[Traversable, str]]":
    for folder in template_dirs:
        if folder.is_dir():
            yield folder, str(folder)
    # Built-in before what lies about on this machine: one manifest means the same everywhere, and no package can put
    # itself in the place of a template that everybody knows.
    yield resources.templates(), "built-in"
    for folder in _user_folder():
        if folder.is_dir():
            yield folder, str(folder)
    yield from _entry_points()


def _user_folder() -> Iterator[Path]:
    import platformdirs

    yield Path(platformdirs.user_data_dir("vmpack", appauthor=False)) / "templates"


def _entry_points() -> "Iterator[tuple[Traversable, str]]":
    """Give the template folders of installed distributions without importing a line of their code."""
    from importlib.metadata import entry_points

    for point in sorted(entry_points(group="vmpack.templates"), key=lambda point: point.name):
        if point.dist is None:
            continue
        folder = Path(str(point.dist.locate_file(point.value.replace(".", "/"))))
        if folder.is_dir():
            yield folder, f"{point.dist.name} ({point.name})"


def _is_name(name: str) -> bool:
    return len(PurePosixPath(name).parts) == 1 and name not in (".", "..", LIBRARY) and "\\" not in name


def _unknown(name: str, template_dirs: Sequence[Path]) -> TemplateError:
    import difflib

    names = [template.name for template in available(template_dirs)]
    near = difflib.get_close_matches(name, names, n=1)
    return TemplateError(
        f"there is no installer template {name!r}",
        remedy=(f"Did you mean {near[0]!r}? " if near else "") + f"Found here: {', '.join(names)}.",
        rule="template-unknown",
    )


def _read_json(folder: "Traversable", name: str) -> dict[str, Any]:
    try:
        value = json.loads(read_inside(folder, name))
    except json.JSONDecodeError as error:
        where = f"{folder.joinpath(name)}:{error.lineno}:{error.colno}"
        raise TemplateError(f"not JSON: {error.msg}", where=where) from error
    if not isinstance(value, dict):
        raise TemplateError("a JSON object is expected here", where=str(folder.joinpath(name)))
    return value


def _check_definition(folder: "Traversable", definition: dict[str, Any]) -> None:
    schema = json.loads(resources.schemas().joinpath("template.schema.json").read_text("utf-8"))
    where = str(folder.joinpath(DEFINITION))
    problems = [
        f"{'.'.join(map(str, violation.pointer)) or 'the document'}: {violation.message}"
        for violation in schema_problems(schema, definition)
    ]
    if not problems and definition["engine"] != ENGINE:
        problems = [f"engine {definition['engine']} is not spoken here, only {ENGINE}"]
    if not problems and definition["name"] != folder.name:
        problems = [f"the folder {folder.name!r} and the name {definition['name']!r} differ"]
    if problems:
        raise TemplateError("the template's definition is invalid", why="; ".join(problems), where=where)


def _check_scripts(template: Template) -> None:
    for os in template.os:
        files = template.files(os) if template.root.joinpath(os).is_dir() else ()
        missing = [
            name for name in (f"{action}{SCRIPT_SUFFIX[os]}" for action in ACTIONS) if name not in files
        ]
        if missing:
            raise TemplateError(
                f"the template lacks {', '.join(f'{os}/{name}.j2' for name in missing)}",
                why="The agent calls install, update and remove; a template that forgets one breaks there.",
                where=str(template.root),
            )


def _retains(definition: dict[str, Any]) -> dict[Os, list[dict[str, Any]]]:
    declared: dict[Os, list[dict[str, Any]]] = definition.get("retains", {})
    return declared
