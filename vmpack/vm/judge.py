"""Whether a step went as it should: commands, the agent's lock, reboots, the truth of the status, leftovers.

Pure: takes what was seen, gives problems.
"""

from collections.abc import Mapping, Sequence

from vmpack.types import RebootBehavior
from vmpack.vm.agent import Row
from vmpack.vm.execution import CommandRun
from vmpack.vm.hints import of_command, of_run
from vmpack.vm.leftovers import significant
from vmpack.vm.model import Leftover, Problem
from vmpack.vm.sandbox.model import Change
from vmpack.vm.scenarios import Enable

_WORDS = {"missing": "was missing", "truncated": "was cut in half", "corrupted": "had a wrong byte"}
_PLACES = {
    "read-only": "the file system was read-only",
    "full": "the file system was full",
    "noexec": "/var and /tmp were mounted noexec",
}


def commands(
    step: Enable, runs: Sequence[CommandRun], changes: Sequence[Change], *, complete: bool = False
) -> list[Problem]:
    """Judge the commands of the application under test against what the step expects.

    ``changes`` is what the step changed on the system, noise and declared paths left out; ``complete`` tells that
    nothing of what a plain install adds is missing, so a success in spite of everything is a true one.
    """
    problems = []
    for run in runs:
        if run.ended == "hung":
            problems.append(
                Problem("hung", run.note, "Bound every wait with 'timeout'; nobody else does.", run)
            )
        elif run.code is None and run.ended == "exit":
            hint = "Keep every file and folder called 'stdout' or 'stderr' out of the download folder."
            problems.append(
                Problem("not-started", f"{_name(run)} could not be started: {run.note}", hint, run)
            )
        elif step.expect == "succeeds" and run.code:
            problems.append(_failed(step, run))
    if step.expect in ("refuses", "fails", "refuses or succeeds") and runs and not problems:
        problems += [] if complete and not step.package else _refusal(step, runs[-1], changes)
    return problems


def is_complete(expected: Mapping[str, Change], changes: Sequence[Change]) -> bool:
    """Tell whether everything that a plain install adds was added, at its full size."""
    added = {change.path: change for change in changes if change.kind == "added"}
    return bool(expected) and all(
        path in added and added[path].size == change.size for path, change in expected.items()
    )


def _failed(step: Enable, run: CommandRun) -> Problem:
    where = f" while {_PLACES[step.place]}" if step.place in _PLACES else ""
    message = f"{_name(run)} {_ending(run)}{where}"
    return Problem("command-failed", message, of_run(run), run)


def _refusal(step: Enable, run: CommandRun, changes: Sequence[Change]) -> list[Problem]:
    paths = tuple(change.path for change in changes)
    if step.expect == "refuses or succeeds" and run.code == 0:
        return []
    if run.code == 0:
        return [_accepted(step, run)]
    if step.expect != "fails" and paths:
        message = f"{_name(run)} failed, but not before it had changed the system"
        hint = "Check the package (does it exist, is its sha256 right?) before anything is changed."
        return [Problem("changed-before-refusing", message, hint, run, paths)]
    return []


def _accepted(step: Enable, run: CommandRun) -> Problem:
    chain = of_command(run.command)
    if step.package:
        message = f"{_name(run)} ended with 0 although the package {_WORDS[step.package]}"
        check = (
            "The agent runs the command even when the download failed, and nobody checks the bytes: begin with "
            "'[ -s PACKAGE ] && echo \"SHA256  PACKAGE\" | sha256sum -c - &&'."
        )
        return Problem("no-integrity-check", message, f"{chain} {check}".strip(), run)
    message = f"{_name(run)} ended with 0 although {_PLACES.get(step.place or '', 'it could not work')}"
    return Problem(
        "failure-hidden", message, chain or "Let every failure end the script: 'set -e', '&&'.", run
    )


def side_effects(runs: Sequence[CommandRun], reboots: str, behavior: RebootBehavior) -> list[Problem]:
    """Judge what commands must never do: keep the agent's lock, or ask for a reboot that ends their own work.

    ``reboots`` holds what reboot, shutdown and their like were called with.
    """
    problems = []
    for run in runs:
        if run.lock_holders:
            holders = ", ".join(f"'{holder.command}' (pid {holder.pid})" for holder in run.lock_holders)
            message = f"{_name(run)} left a process that holds the agent's lock: {holders}"
            hint = (
                "A daemon started by the command inherits the agent's lock file, and the next VM application waits "
                "up to 45 minutes for it. Start daemons with 'systemctl start', not with nohup, setsid or '&'."
            )
            problems.append(Problem("lock-held", message, hint, run))
    if reboots.strip() and behavior != "Rerun" and runs:
        asked = reboots.strip().splitlines()[0].strip()
        message = f"{_name(runs[-1])} asks for a reboot ({asked}), and scriptBehaviorAfterReboot is None"
        hint = (
            "The agent then calls the operation done and never continues it. Set scriptBehaviorAfterReboot to "
            "Rerun and keep a marker, or leave the reboot to whoever deploys."
        )
        problems.append(Problem("reboot-without-rerun", message, hint, runs[-1]))
    return problems


def health(failures: Sequence[tuple[str, str]], rows: Sequence[Row]) -> list[Problem]:
    """Judge failed checks (name, output) together with what the status says."""
    if not failures:
        return []
    name, output = failures[0]
    more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
    message = f"the check '{name}' does not hold{more}: {_last_line(output)}"
    if any(row.result == "SUCCESS" for row in rows):
        message = f"Azure would show {rows[-1].operation} SUCCESS, but {message}"
        return [Problem("status-untrue", message, "Let the command fail when the application does not work.")]
    return [Problem("unhealthy", message)]


def clean(found: Sequence[Leftover], run: CommandRun | None) -> list[Problem]:
    """Judge leftovers after everything was removed."""
    if not found:
        return []
    message = f"{len(found)} thing{'s' if len(found) > 1 else ''} left after remove"
    hint = "Remove them, or declare logs and data folders in the manifest's 'retains'."
    return [Problem("leftovers", message, hint, run, tuple(map(str, found)))]


def modes(expected: Mapping[str, Change], changes: Sequence[Change]) -> list[Problem]:
    """Judge whether files got other modes under another umask."""
    differing = tuple(
        f"{change.path}: {expected[change.path].mode:04o} with umask 022, {change.mode:04o} with umask 077"
        for change in significant(changes)
        if change.kind == "added" and expected.get(change.path, change).mode != change.mode
    )
    if not differing:
        return []
    hint = "Set modes explicitly ('install -m', 'install -d -m'), or set the umask at the script's start."
    return [Problem("modes-differ", "file modes depend on the umask", hint, None, differing)]


def truth(interrupted: bool, status: str, rows: Sequence[Row]) -> list[str]:
    """Give notes where Azure would show success for an application that is not there.

    These are the platform's own doing; no package can change them, only its next version can mend them.
    """
    if interrupted:
        return ["the agent was ended; Azure shows the previous status until the next enable"]
    failed = [row for row in rows if row.result != "SUCCESS"]
    if status == "success" and failed:
        return [f"Azure shows 'success' although {failed[0].operation} of {failed[0].package} did not happen"]
    return []


def _name(run: CommandRun) -> str:
    return f"{run.operation} {run.version}"


def _ending(run: CommandRun) -> str:
    if run.code is not None and run.code < 0:
        return f"was ended by signal {-run.code}"
    return f"failed with exit code {run.code}"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no output"
