"""Where the schemas and the built-in templates lie, in a checkout and in an installed wheel alike."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


@cache
def _data_root() -> "Traversable":
    # importlib.resources costs as much to import as half of `vmpack validate`; plain folders do not need it.
    here = Path(__file__).parent
    for folder in (here / "data", here.parent):
        if (folder / "schemas").is_dir():
            return folder
    from importlib import resources

    return resources.files("vmpack").joinpath("data")


def schemas() -> "Traversable":
    """Give the folder of the JSON Schemas."""
    return _data_root().joinpath("schemas")


def templates() -> "Traversable":
    """Give the folder of the built-in installer templates."""
    return _data_root().joinpath("templates")
