"""Options and arguments that several commands share."""

import os
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vmpack.errors import UsageError

if TYPE_CHECKING:
    from vmpack.package.cache import SegmentCache
    from vmpack.release.build import BuildOptions

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")


def _assignments(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    given = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{value!r} is not NAME=VALUE")
        given[name] = text
    return given


set_option = click.option(
    "--set",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_assignments,
    help="Give ${NAME} in the manifest a value; wins over the environment. May be repeated.",
)

manifests_argument = click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")


templates_option = click.option(
    "--templates-dir",
    "template_dirs",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Look for installer templates here first. May be repeated.",
)

_no_cache_option = click.option("--no-cache", is_flag=True, help="Neither read nor write the build cache.")


def build_options(command: Command) -> Command:
    """Add the options that every command that builds understands."""
    return _no_cache_option(templates_option(command))


def today() -> date:
    """Give today's date in UTC, as the platform counts."""
    return datetime.now(UTC).date()


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Give the build cache's folder: VMPACK_CACHE_DIR, else the user's cache folder."""
    if environment.get("VMPACK_CACHE_DIR"):
        return Path(environment["VMPACK_CACHE_DIR"])
    import platformdirs

    return Path(platformdirs.user_cache_dir("vmpack", appauthor=False))


def cache_limit(environment: Mapping[str, str] = os.environ) -> int:
    """Give the cache's limit in bytes: VMPACK_CACHE_SIZE, else the package room's default."""
    from vmpack.package.cache import DEFAULT_LIMIT

    text = environment.get("VMPACK_CACHE_SIZE", "")
    if not text:
        return DEFAULT_LIMIT
    number, unit = (text[:-1], text[-1].upper()) if text[-1:].isalpha() else (text, "")
    if unit not in _UNITS or not (number.isascii() and number.isdigit()):
        raise UsageError(
            f"VMPACK_CACHE_SIZE is {text!r}",
            remedy="Give a number of bytes, or one with K, M or G behind it.",
        )
    return int(number[:15]) * _UNITS[unit]


def build_records() -> Path:
    """Give the folder of the records by which a build finds that nothing changed."""
    return cache_folder() / "builds"


def open_cache(*, wanted: bool) -> "SegmentCache | None":
    """Open the build cache; a cache that cannot be had is done without."""
    if not wanted:
        return None
    from vmpack.package.cache import SegmentCache

    try:
        return SegmentCache.open(cache_folder(), cache_limit())
    except OSError:
        return None


def assemble(dist: Path, template_dirs: tuple[Path, ...], *, no_cache: bool) -> "BuildOptions":
    """Put together what a build needs beside its manifest."""
    from vmpack.release.build import BuildOptions
    from vmpack.release.epoch import source_date_epoch

    mtime = source_date_epoch(os.environ)
    return BuildOptions(dist, today(), mtime, open_cache(wanted=not no_cache), tuple(template_dirs))
