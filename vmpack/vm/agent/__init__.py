"""The VM agent (VMApplication-Extension e0e9eb3) as a pure state machine: no file, no process, no clock."""

from vmpack.vm.agent.machine import Enabled, Outcome, Work, enable
from vmpack.vm.agent.model import Action, Application, Entry, Operation, Registry, Row
from vmpack.vm.agent.plan import plan
from vmpack.vm.agent.status import Status
from vmpack.vm.agent.versions import same_version

__all__ = [
    "Action",
    "Application",
    "Enabled",
    "Entry",
    "Operation",
    "Outcome",
    "Registry",
    "Row",
    "Status",
    "Work",
    "enable",
    "plan",
    "same_version",
]
