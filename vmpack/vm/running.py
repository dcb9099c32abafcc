"""A whole test run: which scenarios apply, in which sandbox, two at a time, in a fixed order."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from vmpack.errors import UsageError, VmpackError
from vmpack.release.model import Release
from vmpack.vm.cast import Cast
from vmpack.vm.leftovers import significant
from vmpack.vm.model import ScenarioResult, TestReport
from vmpack.vm.sandbox import Sandbox, SandboxKind, check, choose, open_sandbox
from vmpack.vm.scenarios import SCENARIOS, Need, Scenario
from vmpack.vm.story import Reference, Story, broken

Observer = Callable[[ScenarioResult], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How to run."""

    kind: SandboxKind | None = None
    """None chooses."""
    image: str | None = None
    """For podman and docker."""
    network: bool = False
    keep: bool = False
    """Leave the sandboxes of failed scenarios, and of those asked for by name."""
    stop_at_first: bool = False
    only: tuple[str, ...] = ()
    """Names of scenarios; empty means all."""
    timeout: float = 300.0
    """Seconds until a command counts as hung."""
    jobs: int = 0
    """Scenarios at a time; 0 takes the number of processors."""


def run_scenarios(
    release: Release,
    old: Release | None = None,
    options: Options | None = None,
    observe: Observer | None = None,
) -> TestReport:
    """Run a release through the agent's behaviour, and judge every scenario.

    ``observe`` is called with each result as soon as it is known, in the order of the table. Raises ``UsageError``
    for unknown scenario names. Where no sandbox works, every scenario is skipped with the reason.
    """
    options = options or Options()
    observe = observe or (lambda _result: None)
    wanted = _wanted(options.only)
    started = time.monotonic()
    try:
        kind = options.kind or choose()
        _require(kind)
    except VmpackError as error:
        return _all_skipped(release, wanted, options.kind or "", str(error))
    run = _Run(Cast(release, old), kind, options, observe)
    results = run.all(wanted)
    return TestReport(
        release.name,
        release.version,
        release.os,
        kind,
        run.description,
        tuple(results),
        tuple(_notes(release, old, kind)),
        time.monotonic() - started,
    )


def _wanted(names: Sequence[str]) -> tuple[Scenario, ...]:
    known = {scenario.name: scenario for scenario in SCENARIOS}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no scenario '{name}'", remedy=f"Choose from: {', '.join(known)}.")
    return tuple(known[name] for name in names) or SCENARIOS


def _require(kind: SandboxKind) -> None:
    from vmpack.errors import VerificationError

    told = check(kind)
    if not told.works:
        raise VerificationError(
            f"the sandbox '{kind}' does not work here",
            why=told.reason,
            remedy=told.remedy,
            rule="sandbox-unavailable",
        )


@dataclass(slots=True)
class _Run:
    cast: Cast
    kind: SandboxKind
    options: Options
    observe: Observer
    description: str = ""
    reference: Reference = Reference()  # noqa: RUF009 - frozen
    has_zstd: bool = True

    def all(self, wanted: Sequence[Scenario]) -> list[ScenarioResult]:
        """Play "install" first (others compare with it), then the rest at the same time."""
        first = self._play_reference()
        results = []
        if SCENARIOS[0] in wanted:
            results.append(first)
            self.observe(first)
        rest = [scenario for scenario in wanted if scenario is not SCENARIOS[0]]
        if first.result == "failed" and SCENARIOS[0] in wanted and rest:
            reason = "a plain install fails already" if not self.options.stop_at_first else "stopped before"
            skipped = [_skipped(scenario, reason) for scenario in rest]
            for result in skipped:
                self.observe(result)
            return results + skipped
        return results + self._play_rest(rest)

    def _play_rest(self, rest: Sequence[Scenario]) -> list[ScenarioResult]:
        jobs = self.options.jobs or min(4, os.cpu_count() or 1)
        results: list[ScenarioResult] = []
        with ThreadPoolExecutor(jobs) as pool:
            futures: list[tuple[Scenario, Future[ScenarioResult]]] = [
                (scenario, pool.submit(self.play, scenario)) for scenario in rest
            ]
            stopped = False
            for scenario, future in futures:
                stopped = (stopped and future.cancel()) or stopped
                result = _skipped(scenario, "stopped before") if future.cancelled() else future.result()
                results.append(result)
                self.observe(result)
                if result.result == "failed" and self.options.stop_at_first:
                    stopped = True
        return results

    def _play_reference(self) -> ScenarioResult:
        scenario = SCENARIOS[0]
        started = time.monotonic()
        try:
            box = open_sandbox(self.kind, network=self.options.network, keep=self.options.keep)
            with box:
                self.description = box.description
                self.has_zstd = box.run(["/bin/sh", "-c", "command -v zstd"]).code == 0
                story = Story(scenario, self.cast, box, self.reference, self.options.timeout)
                result = self._kept(story.play(), box)
                if story.agent.runs:
                    added = [change for change in significant(story.changes()) if change.kind == "added"]
                    files = {change.path: change for change in added}
                    self.reference = Reference(story.agent.runs[0].seconds, files)
        except VmpackError as error:
            return broken(scenario, error, time.monotonic() - started)
        return replace(result, seconds=time.monotonic() - started)

    def play(self, scenario: Scenario) -> ScenarioResult:
        """Play one scenario in a sandbox of its own."""
        reason = self._inapplicable(scenario.needs)
        if reason:
            return _skipped(scenario, reason)
        started = time.monotonic()
        try:
            box = open_sandbox(self.kind, network=self.options.network, keep=self.options.keep)
            with box:
                story = Story(scenario, self.cast, box, self.reference, self.options.timeout)
                result = self._kept(story.play(), box)
        except VmpackError as error:
            return broken(scenario, error, time.monotonic() - started)
        return replace(result, seconds=time.monotonic() - started)

    def _kept(self, result: ScenarioResult, box: Sandbox) -> ScenarioResult:
        if not self.options.keep or (result.result == "passed" and not self.options.only):
            return result
        return replace(result, kept=box.leave())

    def _inapplicable(self, needs: Sequence[Need]) -> str:
        if "config" in needs and self.cast.new.config is None:
            return "the release has no config file"
        if "none" in needs and self.cast.new.reboot_behavior == "Rerun":
            return "scriptBehaviorAfterReboot is Rerun"
        if "mount" in needs and self.kind != "root":
            return f"the sandbox '{self.kind}' cannot change its mounts"
        if "zstd" in needs and not self.has_zstd:
            return "the sandbox has no zstd program anyway: every scenario tests it"
        return ""


def _skipped(scenario: Scenario, reason: str) -> ScenarioResult:
    return ScenarioResult(scenario.name, scenario.summary, "skipped", reason)


def _all_skipped(release: Release, wanted: Sequence[Scenario], kind: str, reason: str) -> TestReport:
    scenarios = tuple(_skipped(scenario, reason) for scenario in wanted)
    note = "Nothing was executed: no sandbox could be had."
    return TestReport(release.name, release.version, release.os, kind, "", scenarios, (note,))


def _notes(release: Release, old: Release | None, kind: SandboxKind) -> list[str]:
    notes = []
    if old is None:
        notes.append(
            "updates start from this release itself under another number; give --from for a real one"
        )
    if not release.checks:
        notes.append("the manifest has no tests: health means that commands ended with 0")
    if kind != "nspawn":
        notes.append(
            "no systemd runs in this sandbox: systemctl is stood in for, which starts the main process of simple units"
        )
    return notes
