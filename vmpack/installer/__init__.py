"""Installers: a template and its parameters become lifecycle scripts and the three commands of the gallery."""

from vmpack.installer.commands import commands
from vmpack.installer.find import Template, available, find
from vmpack.installer.params import check_params
from vmpack.installer.render import render

__all__ = ["Template", "available", "check_params", "commands", "find", "render"]
