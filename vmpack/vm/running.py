"""A whole test run: which scenarios apply, in which sandbox, two at a time, in a fixed order."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from vmpack.errors import UsageError, VmpackError
from vmpack.release.model import Release
from vmpack.vm.cast import Cast
from vmpack.vm.leftovers import significant
from vmpack.vm.model import ScenarioResult, TestReport
from vmpack.vm.sandbox import Sandbox, SandboxKind, open_sandbox, require
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
    """Scenarios at a time; 0 takes twice the number of processors."""


def run_scenarios(
    release: Release,
    old: Release | None = None,
    options: Options | None = None,
    observe: Observer | None = None,
) -> TestReport:
    """Run a release through the agent's behaviour, and judge every scenario.

    ``observe`` is called with each result as soon as it is known, in the order of the table. Raises ``UsageError``
    for unknown scenario names. Where no sandbox works, every scenario is skipped with the reason. A Windows release is
    read, not executed.
    """
    options = options or Options()
    observe = observe or (lambda _result: None)
    if release.os == "windows":
        from vmpack.vm.windows import read_release

        return read_release(release, observe)
    run = _Run(Cast(release, old), options, observe)
    wanted = _wanted(options.only)
    started = time.monotonic()
    results = run.all(wanted)
    return TestReport(
        release.name,
        release.version,
        release.os,
        run.kind or "",
        run.description,
        tuple(results),
        tuple(_notes(release, old, run.kind)),
        time.monotonic() - started,
    )


def _wanted(names: Sequence[str]) -> tuple[Scenario, ...]:
    known = {scenario.name: scenario for scenario in SCENARIOS}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no scenario '{name}'", remedy=f"Choose from: {', '.join(known)}.")
    return tuple(known[name] for name in names) or SCENARIOS


@dataclass(slots=True)
class _Run:
    cast: Cast
    options: Options
    observe: Observer
    kind: SandboxKind | None = None
    description: str = ""
    unavailable: str = ""
    """Why no sandbox could be had."""
    reference: Reference = field(default_factory=Reference)
    traits: frozenset[Need] = frozenset()
    """The needs that release and sandbox meet."""

    def all(self, wanted: Sequence[Scenario]) -> list[ScenarioResult]:
        """Play "install" first (others compare with it), then the rest at the same time."""
        plain = SCENARIOS[0]
        first = self.play(plain)
        if self.unavailable:
            return [self._told(_skipped(scenario, self.unavailable)) for scenario in wanted]
        results = [self._told(first)] if plain in wanted else []
        rest = [scenario for scenario in wanted if scenario is not plain]
        if first.result == "failed" and plain in wanted:
            reason = "stopped before" if self.options.stop_at_first else "a plain install fails already"
            return results + [self._told(_skipped(scenario, reason)) for scenario in rest]
        return results + self._play_rest(rest)

    def _told(self, result: ScenarioResult) -> ScenarioResult:
        self.observe(result)
        return result

    def _play_rest(self, rest: Sequence[Scenario]) -> list[ScenarioResult]:
        # Commands wait as much as they compute, so twice the processors is not too many.
        jobs = self.options.jobs or min(8, 2 * (os.cpu_count() or 1))
        results: list[ScenarioResult] = []
        with ThreadPoolExecutor(1 if self.kind == "none" else jobs) as pool:
            futures = [(scenario, pool.submit(self.play, scenario)) for scenario in rest]
            for scenario, future in futures:
                if future.cancelled():
                    results.append(self._told(_skipped(scenario, "stopped before")))
                    continue
                results.append(self._told(future.result()))
                if self.options.stop_at_first and results[-1].result == "failed":
                    pool.shutdown(wait=False, cancel_futures=True)
        return results

    def play(self, scenario: Scenario) -> ScenarioResult:
        """Play one scenario in a sandbox of its own."""
        reason = self._inapplicable(scenario.needs)
        if reason:
            return _skipped(scenario, reason)
        started = time.monotonic()
        options = self.options
        try:
            self.kind = self.kind or require(options.kind, options.image)
            box = open_sandbox(self.kind, image=options.image, network=options.network, keep=options.keep)
            with box:
                story = Story(scenario, self.cast, box, self.reference, options.timeout)
                result = self._kept(story.play(), box)
                if not self.description:
                    self._learn(story)
        except VmpackError as error:
            if error.rule == "sandbox-unavailable" and not self.description:
                self.unavailable = str(error)
            return broken(scenario, error, time.monotonic() - started)
        return replace(result, seconds=time.monotonic() - started)

    def _kept(self, result: ScenarioResult, box: Sandbox) -> ScenarioResult:
        if not self.options.keep or (result.result == "passed" and not self.options.only):
            return result
        return replace(result, kept=box.leave())

    def _learn(self, story: Story) -> None:
        """Remember what the first, plain install tells about sandbox and release."""
        box, release = story.box, self.cast.new
        met: dict[Need, bool] = {
            "config": release.config is not None,
            "none": release.reboot_behavior != "Rerun",
            "zstd": box.run(["/bin/sh", "-c", "command -v zstd"]).code == 0,
            "mount": box.mutable,
            "disposable": box.disposable,
        }
        self.traits = frozenset(need for need, holds in met.items() if holds)
        added = [change for change in significant(story.changes()) if change.kind == "added"]
        seconds = story.agent.runs[0].seconds if story.agent.runs else Reference().seconds
        self.reference = Reference(seconds, {change.path: change for change in added})
        self.description = box.description

    def _inapplicable(self, needs: Sequence[Need]) -> str:
        missing = next((need for need in needs if need not in self.traits), None)
        return _REASONS[missing].format(kind=self.kind) if missing else ""


_REASONS: dict[Need, str] = {
    "config": "the release has no config file",
    "none": "scriptBehaviorAfterReboot is Rerun",
    "zstd": "the sandbox has no zstd program anyway: every scenario tests it",
    "mount": "the sandbox '{kind}' cannot change its mounts",
    "disposable": "this machine is not to be damaged on purpose",
}


def _skipped(scenario: Scenario, reason: str) -> ScenarioResult:
    return ScenarioResult(scenario.name, scenario.summary, "skipped", reason)


def _notes(release: Release, old: Release | None, kind: SandboxKind | None) -> list[str]:
    if kind is None:
        return ["Nothing was executed: no sandbox could be had."]
    notes = []
    if old is None:
        notes.append(
            "updates start from this release itself under another number; give --from for a real one"
        )
    if not release.checks:
        notes.append("the manifest has no tests: health means that commands ended with 0")
    if kind not in ("nspawn", "none"):
        notes.append(
            "no systemd runs in this sandbox: systemctl is stood in for, which starts the main process of simple units"
        )
    return notes
