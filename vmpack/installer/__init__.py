"""Installers: a template and its parameters become lifecycle scripts and the three commands of the gallery.

What renders is imported when it is first used: checking a manifest needs none of it.
"""

from typing import TYPE_CHECKING

from vmpack.installer.find import Template, available, find
from vmpack.installer.params import check_params

if TYPE_CHECKING:
    from vmpack.installer.command_lines import commands
    from vmpack.installer.rendering import render

__all__ = ["Template", "available", "check_params", "commands", "find", "render"]

_LAZY = {"commands": "command_lines", "render": "rendering"}
"""Names and their modules, which must not be called the same: an imported module would hide the function."""


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = found
    return found
