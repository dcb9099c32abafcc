"""The agent's hands: does what the pure agent plans, inside a sandbox, exactly as commands are started on a VM."""

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from vmpack.vm.agent import Application, Enabled, Outcome, Registry, Row, Status, Work, enable
from vmpack.vm.agent.model import DATA_FOLDER, EXTENSION_FOLDER, EXTENSION_VERSION, LOCK_FILE, LOG_FOLDER
from vmpack.vm.sandbox.model import SYSTEM_PATH, GuestProcess, Sandbox

ENVIRONMENT: Mapping[str, str] = {
    "PATH": SYSTEM_PATH,
    "LANG": "C.UTF-8",
    "AZURE_GUEST_AGENT_EXTENSION_PATH": EXTENSION_FOLDER,
    "AZURE_GUEST_AGENT_EXTENSION_VERSION": EXTENSION_VERSION,
    "AZURE_GUEST_AGENT_WIRE_PROTOCOL_ADDRESS": "168.63.129.16",
    "AZURE_GUEST_AGENT_EXTENSION_SUPPORTED_FEATURES": "[]",
    "ConfigSequenceNumber": "0",
}
"""What a command finds: no HOME, USER, SHELL or TERM, and nothing of the application (facts, section 2)."""

_COMMAND = (Path(__file__).parent / "command.sh").read_text()
_PREPARE = f"""
umask 022
mkdir -p '{EXTENSION_FOLDER}/config' '{EXTENSION_FOLDER}/status' '{LOG_FOLDER}' '{DATA_FOLDER}' && (
umask 077
cat >'{EXTENSION_FOLDER}/config/applicationRegistry.active'
: >>'{LOCK_FILE}'
[ -z "$1" ] || mkdir -p "$1"
)
"""
_TAIL = 65536


@dataclass(frozen=True, slots=True)
class Interruption:
    """Something that ends the agent or the command in the middle."""

    kind: Literal["reboot", "terminate", "crash"]
    """``reboot``: SIGTERM to the agent first, then to everything. ``terminate``: the command dies of the SIGTERM
    before the agent looks, the losing side of the race (facts, section 6). ``crash``: SIGKILL to everything."""
    after: float | None
    """Seconds from the command's start; None: the moment when the command has ended."""


@dataclass(frozen=True, slots=True)
class CommandRun:
    """One command as it went."""

    operation: str
    application: str
    version: str
    reason: str
    command: str
    code: int | None
    """The exit code as a shell would see it, negative for a signal; None when it was not started or did not end."""
    stdout: str
    stderr: str
    seconds: float
    ended: str
    note: str = ""
    lock_holders: tuple[GuestProcess, ...] = ()
    """Processes that still hold the agent's lock after the command ended: the next operation waits for them."""


@dataclass(slots=True)
class Faults:
    """What goes wrong around one enable; by default nothing does."""

    interruption: Interruption | None = None
    """Falls upon the first command of the enable."""
    environment: Mapping[str, str] | None = None
    umask: str = "022"
    before_command: Callable[[Sandbox, Work], None] | None = None
    """Does something to the system after the downloads and before the command."""
    timeout: float = 300.0
    """Seconds until a command counts as hung; the agent itself would wait for ever."""
    metadata_error: str = ""


@dataclass(frozen=True, slots=True)
class Files:
    """What the gallery sends for one application: its package and its config."""

    package: bytes | Path | None
    """None: its download fails."""
    config: bytes | Path | None = None


@dataclass(slots=True)
class Agent:
    """The agent of one throw-away VM, with its memory between enables."""

    box: Sandbox
    registry: Registry = field(default_factory=dict)
    status: Status | None = None
    runs: list[CommandRun] = field(default_factory=list)
    rows: tuple[Row, ...] = ()

    def enable(
        self, goal: Sequence[Application], files: Mapping[str, Files], faults: Faults | None = None
    ) -> Enabled:
        """Bring the VM to a goal state; ``files`` holds what the host sends for each application NOW.

        A reboot or crash leaves ``status`` as it was. The next call is the next enable.
        """
        faults = faults or Faults()
        steps = enable(self.registry, goal, metadata_error=faults.metadata_error)
        try:
            work = next(steps)
            while True:
                work = steps.send(self._perform(work, files.get(work.action.entry.name), faults))
                faults = replace(faults, interruption=None)
        except StopIteration as end:
            enabled: Enabled = end.value
        self._remember(enabled)
        return enabled

    def _remember(self, enabled: Enabled) -> None:
        self.registry, self.rows = enabled.registry, enabled.rows
        for folder in enabled.removed_folders:
            self.box.run(["/bin/rm", "-rf", "--", folder])
        if enabled.status is not None:
            self.status = enabled.status

    def _perform(self, work: Work, files: Files | None, faults: Faults) -> Outcome:
        self._write_registry(work)
        errors = self._download(work, files) if work.downloads else ()
        if faults.before_command:
            faults.before_command(self.box, work)
        run = self._run(work, faults)
        self.runs.append(run)
        if run.ended in ("reboot", "crash"):
            return Outcome(download_errors=errors, ended="reboot" if run.ended == "reboot" else "crash")
        if run.code is None:
            return Outcome(download_errors=errors, start_error=run.note)
        return Outcome(max(run.code, -1), errors)

    def _write_registry(self, work: Work) -> None:
        data = json.dumps([entry.as_json() for entry in work.registry.values()]).encode()
        self.box.run(["/bin/sh", "-c", _PREPARE, "sh", work.folder if work.downloads else ""], data=data)

    def _download(self, work: Work, files: Files | None) -> tuple[str, ...]:
        """Fetch package and config over what is there; a failed download leaves an empty file (facts, section 2)."""
        entry = work.action.entry
        sent = files or Files(None)
        wanted = [("package", entry.package_file_name, sent.package)]
        if entry.has_config:
            wanted.append(("config", entry.config_file_name, sent.config))
        errors = []
        for what, name, data in wanted:
            path = f"{work.folder}/{name}"
            self.box.write(path, b"" if data is None else data, 0o700)
            if data is None:
                errors.append(
                    f"failed to download {what} file {path}: Unrecoverable error while downloading the file: "
                    "Download request failed with retries."
                )
        return tuple(errors)

    def _run(self, work: Work, faults: Faults) -> CommandRun:
        environment = ENVIRONMENT if faults.environment is None else faults.environment
        argv = ["/bin/sh", "-c", _COMMAND, "sh", work.folder, work.command, LOCK_FILE, faults.umask]
        # Whatever runs when the command begins is not of the command.
        spared = {process.pid for process in self.box.processes()} if faults.interruption else set()
        killer = self._arm(faults.interruption, spared)
        started = time.monotonic()
        with self.box.start(argv, environment=environment) as process:
            ended = self._await(process, faults, killer, spared)
            told = process.stdout.read().decode(errors="replace").strip() if process.stdout else ""
        seconds = time.monotonic() - started
        code = None if told or ended != "exit" else process.returncode
        if ended == "hung":
            told = f"the command did not end within {faults.timeout:.0f} s; the agent would wait for ever"
        stdout, stderr = (self._tail(f"{work.folder}/{name}") for name in ("stdout", "stderr"))
        holders = self._lock_holders() if ended == "exit" else ()
        entry = work.action.entry
        label = work.action.operation.label
        about = (label, entry.name, entry.version, work.action.reason, work.command)
        return CommandRun(*about, code, stdout, stderr, seconds, ended, told, holders)

    def _arm(self, interruption: Interruption | None, spared: set[int]) -> "subprocess.Popen[bytes] | None":
        """Start what will strike in the middle, from inside, so that its aim does not depend on this process."""
        if interruption is None or interruption.after is None:
            return None
        signal = "KILL" if interruption.kind == "crash" else "TERM"
        return self.box.strike(signal, spared, interruption.after)

    def _await(
        self,
        process: "subprocess.Popen[bytes]",
        faults: Faults,
        killer: "subprocess.Popen[bytes] | None",
        spared: set[int],
    ) -> str:
        """Wait for the command and whatever befalls it; tell how it ended."""
        try:
            if killer is None:
                process.wait(faults.timeout)
                struck = faults.interruption is not None
            else:
                struck = bool(killer.communicate(timeout=60)[0].split())
                process.wait(2 if struck else faults.timeout)
        except subprocess.TimeoutExpired:
            self.box.strike("KILL", spared).communicate(timeout=60)
            process.wait(10)
            struck, hung = killer is not None, killer is None
            if hung:
                return "hung"
        kind = faults.interruption.kind if faults.interruption else "terminate"
        if not struck or kind == "terminate":
            return "exit"
        self.box.boot()
        return kind

    def _lock_holders(self) -> tuple[GuestProcess, ...]:
        return tuple(process for process in self.box.processes() if LOCK_FILE in process.files)

    def _tail(self, path: str) -> str:
        done = self.box.run(["/usr/bin/tail", "-c", str(_TAIL), "--", path])
        return done.stdout.decode(errors="replace") if done.code == 0 else ""
