"""What a test run tells: scenarios, steps, problems, leftovers."""

from typing import Literal

from vmpack.types import JSONValue, Os
from vmpack.values import dataclass
from vmpack.vm.execution import CommandRun

Result = Literal["passed", "failed", "skipped"]
LeftoverKind = Literal["file", "user", "group", "service", "cron", "hosts", "process"]


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that remove did not put back."""

    kind: LeftoverKind
    what: str
    """A path, a user's name, a line of /etc/hosts, a command line."""
    detail: str = ""
    """``added``, ``deleted``, ``changed: mode 0755 -> 0700``, ``line added: …``."""

    def __str__(self) -> str:
        return f"{self.kind} {self.what}" + (f" ({self.detail})" if self.detail else "")

    def as_json(self) -> dict[str, JSONValue]:
        """Give the leftover for ``--json``."""
        return {"kind": self.kind, "what": self.what, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a scenario failed."""

    rule: str
    """Stable id: ``command-failed``, ``leftovers``, ``lock-held`` …"""
    message: str
    hint: str = ""
    run: CommandRun | None = None
    paths: tuple[str, ...] = ()
    """The files involved."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step as it went."""

    what: str
    """For people: ``install 1.2.0``, ``health``, ``remove``."""
    result: Result
    seconds: float = 0.0
    runs: tuple[CommandRun, ...] = ()
    status: str = ""
    """``success`` or ``error``: what Azure shows for the VM after this step; empty when nothing is written."""
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, JSONValue]:
        """Give the step for ``--json``."""
        return {
            "what": self.what,
            "result": self.result,
            "seconds": round(self.seconds, 3),
            "status": self.status,
            "commands": [_run_as_json(run) for run in self.runs],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """One scenario's verdict."""

    name: str
    summary: str
    result: Result
    reason: str = ""
    """Why it failed or was skipped, in one sentence."""
    seconds: float = 0.0
    steps: tuple[StepResult, ...] = ()
    problems: tuple[Problem, ...] = ()
    leftovers: tuple[Leftover, ...] = ()
    kept: str = ""
    """How to enter the sandbox that was kept."""

    def as_json(self) -> dict[str, JSONValue]:
        """Give the scenario in the shape of the JSON contract."""
        return {
            "name": self.name,
            "result": self.result,
            "reason": self.reason,
            "seconds": round(self.seconds, 3),
            "steps": [step.as_json() for step in self.steps],
            "leftovers": [leftover.as_json() for leftover in self.leftovers],
            "problems": [_problem_as_json(problem) for problem in self.problems],
            **({"kept": self.kept} if self.kept else {}),
        }


@dataclass(frozen=True, slots=True)
class TestReport:
    """A whole run."""

    __test__ = False  # pytest takes every Test* for its own

    name: str
    version: str
    os: Os
    sandbox: str
    """The kind that was used; empty when nothing was executed."""
    sandbox_description: str
    scenarios: tuple[ScenarioResult, ...]
    notes: tuple[str, ...] = ()
    """What the reader must know to read the verdict right: services stood in for, nothing executed …"""
    seconds: float = 0.0

    @property
    def result(self) -> Result:
        """``failed`` when one failed, ``skipped`` when nothing ran, else ``passed``."""
        results = {scenario.result for scenario in self.scenarios}
        if "failed" in results:
            return "failed"
        return "passed" if "passed" in results else "skipped"

    def as_json(self) -> dict[str, JSONValue]:
        """Give the JSON contract, ``schemaVersion`` 1."""
        return {
            "schemaVersion": 1,
            "name": self.name,
            "version": self.version,
            "sandbox": self.sandbox,
            "result": self.result,
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
            "scenarios": [scenario.as_json() for scenario in self.scenarios],
        }


def _run_as_json(run: CommandRun) -> dict[str, JSONValue]:
    return {
        "operation": run.operation,
        "application": run.application,
        "version": run.version,
        "why": run.reason,
        "command": run.command,
        "exitCode": run.code,
        "ended": run.ended,
        "seconds": round(run.seconds, 3),
        "stdout": run.stdout[-4000:],
        "stderr": run.stderr[-4000:],
    }


def _problem_as_json(problem: Problem) -> dict[str, JSONValue]:
    return {
        "rule": problem.rule,
        "message": problem.message,
        "hint": problem.hint,
        "paths": list(problem.paths),
        "command": problem.run.command if problem.run else "",
        "exitCode": problem.run.code if problem.run else None,
    }
