"""One enable of the agent, from the plan to the status (actionplan.go: Execute; executehelper.go: executeHelper).

``enable`` is a generator: it yields the work that somebody with hands must do, is sent how it ended, and returns
what the agent remembers and reports. It is pure, so a table of outcomes tests it as well as a sandbox does.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from vmpack.vm.agent.model import MAX_REBOOTS, Action, Application, Entry, Operation, Registry, Row
from vmpack.vm.agent.plan import plan
from vmpack.vm.agent.status import Status, combine, compose, critical

_REMOVALS = (Operation.REMOVE, Operation.REMOVE_FOR_UPDATE)


@dataclass(frozen=True, slots=True)
class Work:
    """What must be done for one action: downloads, then the command, in this folder."""

    action: Action
    command: str
    folder: str
    downloads: bool
    """Package and config are deleted and fetched again. RemoveForUpdate fetches too: the URL names the application
    only, so the NEW version's bytes arrive under the OLD version's file names (facts, section 5)."""
    registry: Registry
    """What is on disk meanwhile; a crash leaves exactly this behind."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the work ended."""

    code: int = 0
    """The command's exit status; -1 when a signal ended it. The command runs although a download failed."""
    download_errors: tuple[str, ...] = ()
    """In the agent's words, oldest first."""
    start_error: str = ""
    """Why the command could not be started; then ``code`` means nothing."""
    ended: Literal["exit", "reboot", "crash"] = "exit"
    """``reboot``: the agent got SIGTERM while the command ran. ``crash``: SIGKILL or power loss."""


@dataclass(frozen=True, slots=True)
class Enabled:
    """What one enable leaves behind."""

    registry: Registry
    rows: tuple[Row, ...]
    status: Status | None
    """None when no status file was written: the agent was ended by a reboot or a crash."""
    removed_folders: tuple[str, ...] = ()


@dataclass(slots=True)
class _Run:
    registry: dict[str, Entry]
    rows: list[Row] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    deployment_failures: list[str] = field(default_factory=list)
    removed_folders: list[str] = field(default_factory=list)
    failed_order: int | None = None
    failed_group: int = 0

    def end(self, status: Status | None) -> Enabled:
        return Enabled(dict(self.registry), tuple(self.rows), status, tuple(self.removed_folders))


def enable(
    registry: Registry,
    goal: Sequence[Application],
    *,
    previous: Status | None = None,
    metadata_error: str = "",
) -> Generator[Work, Outcome, Enabled]:
    """Bring the VM to the goal.

    ``previous`` is the status already written for this sequence number; it stays when there is nothing to do
    (main.go: computeStatus). With ``metadata_error`` the host did not answer for one application: the whole enable
    is given up before any application is touched (resolvevmapp.go).
    """
    run = _Run(dict(registry))
    if metadata_error:
        return run.end(critical(f"Resolving packages failed: {metadata_error}"))
    for action in plan(registry, goal):
        if action.group and action.group == run.failed_group:
            continue
        if _is_skipped(run, action):
            _skip(run, action)
            continue
        ended = yield from _perform(run, action)
        if ended != "exit":
            return run.end(None)
    if not run.rows and previous is not None:
        return run.end(previous)
    return run.end(compose(run.registry, run.rows, run.deployment_failures, run.errors))


def _is_skipped(run: _Run, action: Action) -> bool:
    """Tell whether a failure came before: it skips every HIGHER order; the same order and the unordered still run."""
    return action.order is not None and run.failed_order is not None and action.order > run.failed_order


def _skip(run: _Run, action: Action) -> None:
    """Remember a skipped application under the wanted version: it is never retried for that version.

    A skipped update so hides that the old version is still installed, and a later removal is only a Cleanup.
    """
    run.registry[action.entry.name] = replace(
        action.entry, operation=Operation.SKIPPED, result="skipped, lower order operation failed"
    )
    run.rows.append(_row(action, "Skipped, lower order operation failed"))
    run.failed_group = action.group


def _perform(run: _Run, action: Action) -> Generator[Work, Outcome, str]:
    entry = replace(action.entry, operation=action.operation, download_dir=action.entry.folder)
    if action.operation is Operation.CLEANUP:
        del run.registry[entry.name]
        run.rows.append(_row(action, "SUCCESS"))
        return "exit"
    run.registry[entry.name] = entry
    if entry.reboots == MAX_REBOOTS:
        message = (
            f"The {action.operation.label} operation on application {entry.name} has resulted in "
            f"{MAX_REBOOTS} reboots. Cannot complete command."
        )
        _finish(run, action, replace(entry, reboots=0), [message])
        return "exit"
    command = _command(entry, action.operation)
    downloads = action.operation is not Operation.REMOVE
    outcome = yield Work(action, command, entry.folder, downloads, dict(run.registry))
    if outcome.ended == "crash":
        return "crash"  # the registry keeps the ongoing operation; the next enable takes it for done
    if outcome.ended == "reboot":
        run.registry[entry.name] = _after_reboot(entry, action.operation)
        return "reboot"
    errors = list(outcome.download_errors)
    told = outcome.start_error or (outcome.code and f"command terminated with exit status={outcome.code}")
    if told:
        errors.append(f"Error executing command '{command}': {told}")
    _finish(run, action, replace(entry, reboots=0), errors)
    return "exit"


def _command(entry: Entry, operation: Operation) -> str:
    if operation is Operation.INSTALL:
        return entry.install
    return entry.update if operation is Operation.UPDATE else entry.remove


def _after_reboot(entry: Entry, operation: Operation) -> Entry:
    """Rerun: once more from the start after boot. None: an interrupted install counts as done, for ever.

    An interrupted Remove stays in the registry even with None (the intended deletion is dead code), so it runs again.
    """
    told = f"Reboot detected during '{operation.label}' operation."
    if entry.reboot_behavior == "Rerun":
        return replace(entry, reboots=entry.reboots + 1, result=f"{told} Rerun operation after reboot.")
    return replace(entry, operation=Operation.NO_ACTION, result=f"{told} No further action taken.")


def _finish(run: _Run, action: Action, entry: Entry, errors: list[str]) -> None:
    """Remember the result; a removed application is forgotten with its folder even when its command failed."""
    operation, told = action.operation, combine(errors)
    result = f"{operation.label} FAILED {told}" if errors else f"{operation.label} SUCCESS"
    after = Operation.FAILED if errors else Operation.NO_ACTION
    run.registry[entry.name] = replace(entry, operation=after, result=result)
    if operation is Operation.REMOVE:
        del run.registry[entry.name]
        run.removed_folders.append(entry.folder)
    run.rows.append(_row(action, told or "SUCCESS"))
    if not errors:
        return
    run.errors.append(told)
    if action.treat_failure_as_deployment_failure and operation not in _REMOVALS:
        run.deployment_failures.append(entry.name)
    if not action.implicit:
        run.failed_group = action.group
        if action.order is not None:
            run.failed_order = action.order


def _row(action: Action, result: str) -> Row:
    return Row(
        action.entry.name,
        action.entry.version,
        action.operation.label,
        result,
        action.treat_failure_as_deployment_failure,
    )
