"""Where the schemas and the built-in templates lie, in a checkout and in an installed wheel alike."""

from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path


@cache
def _data_root() -> Traversable:
    installed = resources.files("vmpack").joinpath("data")
    if installed.is_dir():
        return installed
    return Path(__file__).resolve().parent.parent


def schemas() -> Traversable:
    """Give the folder of the JSON Schemas."""
    return _data_root().joinpath("schemas")


def templates() -> Traversable:
    """Give the folder of the built-in installer templates."""
    return _data_root().joinpath("templates")
