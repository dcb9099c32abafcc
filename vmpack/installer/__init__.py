"""Installers: a template and its parameters become lifecycle scripts and the three commands of the gallery.

What renders is imported when it is first used: checking a manifest needs none of it.
"""

from typing import TYPE_CHECKING

from vmpack.installer.find import Template, available, find
from vmpack.installer.params import check_params
from vmpack.lazy import loader

if TYPE_CHECKING:
    from vmpack.installer.command_lines import commands
    from vmpack.installer.rendering import render

__all__ = ["Template", "available", "check_params", "commands", "find", "render"]

__getattr__ = loader(__name__, {"commands": "command_lines", "render": "rendering"})
