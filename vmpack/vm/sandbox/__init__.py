"""Throw-away systems to run commands on: ``with open_sandbox() as box: box.run([...])``."""

from vmpack.vm.sandbox.choose import available, check, open_sandbox, require
from vmpack.vm.sandbox.model import Availability, Change, Completed, GuestProcess, Sandbox, SandboxKind

__all__ = [
    "Availability",
    "Change",
    "Completed",
    "GuestProcess",
    "Sandbox",
    "SandboxKind",
    "available",
    "check",
    "open_sandbox",
    "require",
]
