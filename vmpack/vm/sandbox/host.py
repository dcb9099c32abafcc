"""No sandbox at all: this very machine, for throw-away CI machines that exist to be ruined."""

import subprocess
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Self

from vmpack.vm.sandbox.guest import is_root
from vmpack.vm.sandbox.model import GuestProcess, SandboxKind
from vmpack.vm.sandbox.walking import WalkingGuest

_MARK = "AZURE_GUEST_AGENT_EXTENSION_PATH="
_MARKED = f"grep -lzs '^{_MARK}' /proc/[0-9]*/environ"


class HostSandbox(WalkingGuest):
    """This machine. Nothing is undone; its mounts and tools stay as they are."""

    kind: SandboxKind = "none"
    disposable = False
    description = "NO SANDBOX: this machine itself"

    def __init__(self, *, network: bool = False, keep: bool = False) -> None:  # noqa: ARG002 - as all others
        self._sudo = () if is_root() else ("sudo", "-n")
        self.remember()

    def _inside(self, command: Sequence[str], *, privileged: bool, stdin: bool) -> list[str]:  # noqa: ARG002
        return [*self._sudo, *command]

    def processes(self) -> tuple[GuestProcess, ...]:
        """List the processes that commands of the agent left: they carry its environment."""
        told = self.run(["/bin/sh", "-c", _MARKED], privileged=True).stdout.decode()
        marked = {int(line.split("/")[2]) for line in told.splitlines()}
        return tuple(process for process in super().processes() if process.pid in marked)

    def strike(
        self,
        signal: str,
        spared: AbstractSet[int] = frozenset(),
        delay: float = 0.0,  # noqa: ARG002 - there is no interruption here, only the end of what hangs
    ) -> "subprocess.Popen[bytes]":
        """Signal what commands of the agent left, and nothing else of this machine."""
        targets = [str(process.pid) for process in self.processes() if process.pid not in spared]
        return self.start(["/bin/sh", "-c", '[ $# = 0 ] || kill "-$0" "$@"; echo "$@"', signal, *targets])

    def boot(self) -> None:
        """End what commands of the agent left; this machine stays up."""
        self.strike("KILL").communicate(timeout=60)

    def leave(self) -> str:
        """Tell that there is nothing to enter."""
        return "no sandbox: look around on this machine"

    def close(self) -> None:
        """Do nothing: what was done to this machine stays done."""

    def __enter__(self) -> Self:
        return self
