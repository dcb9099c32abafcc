"""Throw-away systems to run commands on: ``with open_sandbox() as box: box.run([...])``."""

from vmpack.vm.sandbox.choose import available, check, choose, open_sandbox
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
    "choose",
    "open_sandbox",
]
