"""Installers: a template and its parameters become lifecycle scripts and the three commands of the gallery.

Everything is imported when it is first used: checking a manifest needs no renderer, publishing none of it.
"""

from typing import TYPE_CHECKING

from vmpack.lazy import loader

if TYPE_CHECKING:
    from vmpack.installer.command_lines import commands
    from vmpack.installer.discovery import Template, available, find
    from vmpack.installer.params import check_params
    from vmpack.installer.rendering import render

__all__ = ["Template", "available", "check_params", "commands", "find", "render"]

__getattr__ = loader(
    __name__,
    {
        "Template": "discovery",
        "available": "discovery",
        "check_params": "params",
        "commands": "command_lines",
        "find": "discovery",
        "render": "rendering",
    },
)
