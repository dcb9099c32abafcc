"""What a throw-away system can do, whatever it is made of."""

import subprocess
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Literal, Protocol, Self

from vmpack.values import dataclass

SandboxKind = Literal["root", "userns", "nspawn", "podman", "docker", "none"]
ChangeKind = Literal["added", "changed", "deleted"]

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The PATH that systemd gives its services, and so the agent its commands."""


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs from the pristine system."""

    path: str
    """Absolute, inside the sandbox."""
    kind: ChangeKind
    node: str
    """``file``, ``directory``, ``symlink``, ``device``, ``fifo`` or ``socket``."""
    what: str = ""
    """For changed paths, what changed: ``content``, ``mode 0755 -> 0700``, ``owner 0:0 -> 5:5``."""
    mode: int = 0
    owner: str = ""
    """``uid:gid``."""
    stamp: str = ""
    """Size and times of a file as text; two equal changes have the same stamp."""

    @property
    def size(self) -> int:
        """Bytes; 0 for all but files."""
        return int(self.stamp.partition(":")[0] or 0)


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that ended."""

    code: int
    """The exit code; negative when a signal ended it."""
    stdout: bytes = b""
    stderr: bytes = b""

    def text(self) -> str:
        """Both streams as text, for messages."""
        return (self.stdout + self.stderr).decode(errors="replace").strip()


@dataclass(frozen=True, slots=True)
class GuestProcess:
    """A process inside a sandbox."""

    pid: int
    """As the sandbox numbers it."""
    command: str
    files: tuple[str, ...] = ()
    """What its open descriptors point to."""


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether one kind of sandbox works on this machine."""

    kind: SandboxKind
    works: bool
    reason: str
    """Why it works or not, in one sentence."""
    remedy: str = ""
    """What to do to make it work."""


class Sandbox(Protocol):
    """A system that may be ruined. Use it as a context manager: leaving removes every trace."""

    kind: SandboxKind
    description: str
    """What it is, for people: ``overlay over this machine's file system, no network``."""
    disposable: bool
    """Whether its processes may be killed and its tools taken away."""
    mutable: bool
    """Whether its mounts may be changed: turned read-only, full, noexec."""
    helpers: frozenset[int]
    """Process ids of the sandbox's own first processes, as numbered inside; they must not be killed."""

    def run(
        self,
        command: Sequence[str],
        *,
        data: bytes | Path | None = None,
        environment: Mapping[str, str] | None = None,
        timeout: float | None = 600,
        privileged: bool = False,
    ) -> Completed:
        """Run a command as root inside and wait for it.

        ``data`` goes to its stdin (a path: that file's bytes). ``environment`` is its whole environment; None gives
        PATH and nothing else. ``privileged`` keeps the capabilities that scripts under test must not have.
        After ``timeout`` seconds the command is killed and ``subprocess.TimeoutExpired`` raised.
        """
        ...

    def start(
        self, command: Sequence[str], *, environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a command as root inside, stdin at /dev/null; stdout and stderr are pipes."""
        ...

    def write(self, path: str, data: bytes | Path, mode: int = 0o644) -> None:
        """Make a file inside, replacing what is there; its folder must exist."""
        ...

    def read(self, path: str) -> bytes | None:
        """Give a file's bytes, or None when there is none."""
        ...

    def changes(self) -> tuple[Change, ...]:
        """Tell everything that differs from the pristine system, sorted by path."""
        ...

    def pristine(self, path: str) -> bytes | None:
        """Give a file's bytes as they were before anything was changed, or None."""
        ...

    def processes(self) -> tuple[GuestProcess, ...]:
        """List what runs inside, without the sandbox's own helpers."""
        ...

    def strike(
        self, signal: str, spared: AbstractSet[int] = frozenset(), delay: float = 0.0
    ) -> "subprocess.Popen[bytes]":
        """Signal, after ``delay`` seconds, everything that runs inside but the helpers and ``spared``.

        The process's stdout lists whom it struck.
        """
        ...

    def boot(self) -> None:
        """End every process and forget what does not survive a boot."""
        ...

    def leave(self) -> str:
        """Leave a sandbox opened with ``keep`` running; give the commands to enter and to end it."""
        ...

    def close(self) -> None:
        """End everything inside and remove every trace, unless it was left; safe to call twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
