"""One scenario, played: a fresh sandbox, an agent, step after step until one fails."""

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from vmpack.errors import VmpackError
from vmpack.manifest.model import Check
from vmpack.release.model import Release
from vmpack.vm import judge, places
from vmpack.vm.agent import Work
from vmpack.vm.cast import Cast
from vmpack.vm.execution import ENVIRONMENT, Agent, CommandRun, Faults, Files
from vmpack.vm.leftovers import leftovers, significant
from vmpack.vm.model import Leftover, Problem, Result, ScenarioResult, StepResult
from vmpack.vm.sandbox.model import Change, Sandbox
from vmpack.vm.scenarios import (
    App,
    Enable,
    Forget,
    Healthy,
    Neighbour,
    SameModes,
    Scenario,
    Step,
)
from vmpack.vm.scenarios import (
    Change as ChangePlace,
)

_PATIENCE = 3.0
"""Seconds for which a failing check is tried again: services take a moment to come up."""
_MOST = 12
_CHECK = """
export VMPACK_APP_NAME="$1" VMPACK_APP_VERSION="$2" VMPACK_STATE_DIR="/var/lib/vmpack/$1"
export VMPACK_LOG="/var/log/vmpack/$1.log" HOME=/root LC_ALL=C
cd "$VMPACK_STATE_DIR/app" 2>/dev/null || cd /
exec /bin/sh -c "$3" </dev/null
"""
"""Runs a check as the installers' own scripts do: in the application's folder, which every install links to."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What a plain install does, for scenarios that compare with it."""

    seconds: float = 0.1
    """How long its command takes."""
    files: dict[str, Change] = field(default_factory=dict)
    """What it adds, by path."""


@dataclass(slots=True)
class Story:
    """A scenario being played."""

    scenario: Scenario
    cast: Cast
    box: Sandbox
    reference: Reference
    timeout: float
    agent: Agent = field(init=False)
    ignored: set[Change] = field(default_factory=set)
    steps: list[StepResult] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    found: tuple[Leftover, ...] = ()
    goal: tuple[App | Neighbour, ...] = ()

    def __post_init__(self) -> None:
        self.agent = Agent(self.box)

    def play(self) -> ScenarioResult:
        """Play all steps, up to the first that fails."""
        started = time.monotonic()
        for step in self.scenario.steps:
            begun = time.monotonic()
            told, problems = self._step(step)
            self.problems += problems
            result: Result = "failed" if problems else "passed"
            self.steps.append(replace(told, result=result, seconds=time.monotonic() - begun))
            if problems:
                break
        if not self.box.disposable:
            self.agent.enable((), {})  # the next story begins on the same machine
        return ScenarioResult(
            self.scenario.name,
            self.scenario.summary,
            "failed" if self.problems else "passed",
            self.problems[0].message if self.problems else "",
            time.monotonic() - started,
            tuple(self.steps),
            tuple(self.problems),
            self.found,
        )

    @property
    def retains(self) -> tuple[str, ...]:
        """What both releases leave on purpose."""
        return (*self.cast.new.retains, *(self.cast.old.retains if self.cast.old else ()))

    def changes(self) -> list[Change]:
        """Tell what changed since the story's own preparations."""
        return [change for change in self.box.changes() if change not in self.ignored]

    def _step(self, step: Step) -> tuple[StepResult, list[Problem]]:
        if isinstance(step, Enable):
            return self._enable(step)
        if isinstance(step, ChangePlace):
            places.make(self.box, step.place)
            if step.place != "repaired":
                self.ignored = set(self.box.changes())
            return StepResult(f"the system: {step.place}", "passed"), []
        if isinstance(step, Forget):
            self.agent.registry = {}
            return StepResult("the agent's registry is lost", "passed"), []
        if isinstance(step, Healthy):
            return self._healthy(self.cast.release(step.role))
        if isinstance(step, SameModes):
            return StepResult("file modes", "passed"), judge.modes(self.reference.files, self.changes())
        return self._clean()

    def _enable(self, step: Enable) -> tuple[StepResult, list[Problem]]:
        goal = [self.cast.application(app, step) for app in step.apps]
        sent = zip(goal, step.apps, strict=True)
        files: dict[str, Files] = {told.name: self.cast.files(app, step) for told, app in sent}
        # A survey costs little over layers and much where the whole file system is walked.
        watched = step.expect not in ("succeeds", "anything")
        before, known = set(self.changes()) if watched else set(), len(self.agent.runs)
        enabled = self.agent.enable(goal, files, self._faults(step))
        runs = [run for run in self.agent.runs[known:] if run.application == self.cast.new.name]
        rows = [row for row in enabled.rows if row.package == self.cast.new.name]
        interrupted = enabled.status is None
        status = "" if enabled.status is None else enabled.status.status
        after = self.changes() if watched else []
        changed = significant((change for change in after if change not in before), self.retains)
        complete = judge.is_complete(self.reference.files, changed)
        problems = judge.commands(step, runs, changed, complete=complete)
        reboots = (self.box.read("/run/vmpack/reboot") or b"").decode(errors="replace")
        problems += judge.side_effects(runs, reboots, self.cast.new.reboot_behavior)
        self.goal = step.apps
        notes = judge.truth(interrupted, status, rows)
        return StepResult(self._title(step, runs), "passed", 0.0, tuple(runs), status, tuple(notes)), problems

    def _title(self, step: Enable, runs: Sequence[CommandRun]) -> str:
        if runs:
            return ", ".join(f"{run.operation} {run.version}" for run in runs)
        return "nothing to do" if step.apps else "left the profile"

    def _faults(self, step: Enable) -> Faults:
        def before_command(box: Sandbox, work: Work) -> None:
            if work.action.entry.name != self.cast.new.name:
                return
            if step.package:
                places.damage(box, work, step.package)
            if step.place:
                places.make(box, step.place)

        interruption = step.interrupt
        if interruption and interruption.after is not None:
            interruption = replace(interruption, after=interruption.after * self.reference.seconds)
        return Faults(
            interruption=interruption,
            environment={} if step.environment == "empty" else ENVIRONMENT,
            umask=step.umask,
            before_command=before_command,
            timeout=self.timeout,
        )

    def _healthy(self, release: Release) -> tuple[StepResult, list[Problem]]:
        notes = self._changed_in_place()
        if not release.checks:
            notes.append("the manifest has no tests: health means that the commands ended with 0")
            return StepResult("health", "passed", notes=tuple(notes)), []
        failures = []
        for check in release.checks:
            code, output = self._check(release, check)
            if code:
                failures.append((check.name, output))
        rows = [row for row in self.agent.rows if row.package == release.name]
        step = StepResult(f"health ({len(release.checks)} checks)", "passed", notes=tuple(notes))
        return step, judge.health(failures, rows)

    def _changed_in_place(self) -> list[str]:
        """Tell which files of the system itself are no longer what they were; nothing is wrong with that yet."""
        if not self.box.disposable:
            return []
        touched = [change for change in significant(self.changes(), self.retains) if change.kind != "added"]
        told = [f"{change.path} ({change.what or change.kind})" for change in touched[:_MOST]]
        more = f" and {len(touched) - _MOST} more" if len(touched) > _MOST else ""
        return [f"changed in place: {', '.join(told)}{more}"] if told else []

    def _check(self, release: Release, check: Check) -> tuple[int, str]:
        end = time.monotonic() + min(check.timeout, _PATIENCE)
        command = ["/bin/sh", "-c", _CHECK, "sh", release.name, release.version, check.run]
        while True:
            try:
                done = self.box.run(command, environment=ENVIRONMENT, timeout=check.timeout)
            except subprocess.TimeoutExpired:
                return 1, f"not within {check.timeout} s"
            if done.code == 0 or time.monotonic() > end:
                return done.code, done.text()
            time.sleep(0.25)

    def _clean(self) -> tuple[StepResult, list[Problem]]:
        self.found = leftovers(self.box, self.changes(), self.box.processes(), self.retains)
        last = self.agent.runs[-1] if self.agent.runs else None
        return StepResult("nothing left", "passed"), judge.clean(self.found, last)


def broken(scenario: Scenario, error: VmpackError, seconds: float) -> ScenarioResult:
    """Give the result of a scenario that the sandbox itself could not play."""
    problem = Problem(error.rule, str(error))
    return ScenarioResult(scenario.name, scenario.summary, "failed", str(error), seconds, (), (problem,))
