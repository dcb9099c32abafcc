"""The booted sandbox: a minimal Debian whose systemd really runs, in systemd-nspawn, for true tests of services."""

import subprocess
import time
import uuid
from pathlib import Path
from typing import ClassVar

from vmpack.errors import VerificationError
from vmpack.vm.sandbox.model import GuestProcess, SandboxKind
from vmpack.vm.sandbox.overlay import Layers, OverlaySandbox
from vmpack.vm.sandbox.rootfs import rootfs

_BOOT_SECONDS = 60
_SYSTEMS_OWN = (
    "/lib/systemd/",
    "/usr/lib/systemd/",
    "/sbin/init",
    "/usr/sbin/init",
    "/usr/bin/dbus-daemon",
    "/sbin/agetty",
    "/usr/sbin/agetty",
    "(sd-pam)",
    "(agetty)",
)


class NspawnSandbox(OverlaySandbox):
    """A booted system; costs about a second each."""

    kind: SandboxKind = "nspawn"
    mutable: bool = False  # /tmp is a tmpfs of its own there
    _script: ClassVar[str] = "nspawn.sh"

    def _find_layers(self) -> Layers:
        return Layers(lower=str(rootfs(bootable=True)), fresh=())

    def _describe(self) -> str:
        return "minimal Debian with a booted systemd, in systemd-nspawn"

    def _arguments(self, size: str) -> list[str]:
        self.name = f"vmpack-{uuid.uuid4()}"
        return [*super()._arguments(size), self.name]

    def _launcher(self) -> list[str]:
        return [*self._sudo, "unshare", "-m", "-p", "--fork", "--kill-child"]

    def _after_start(self) -> None:
        self._leader = self._find_leader()
        self._await_boot()
        self.helpers = frozenset({1, *(process.pid for process in super().processes())})
        self._baseline = frozenset(self._survey())

    def _find_leader(self) -> int:
        """Give the booted system's first process: nspawn's only child with a pid namespace of its own."""
        own = Path(f"/proc/{self._first}/ns/pid").readlink()
        end = time.monotonic() + _BOOT_SECONDS
        while time.monotonic() < end:
            for child in _children(self._first):
                for grandchild in _children(child):
                    if Path(f"/proc/{grandchild}/ns/pid").readlink() != own:
                        return grandchild
            time.sleep(0.01)
        raise self._not_booted("systemd-nspawn started nothing")

    def _await_boot(self) -> None:
        end = time.monotonic() + _BOOT_SECONDS
        told = ""
        while time.monotonic() < end and self._process.poll() is None:
            told = self.run(["systemctl", "is-system-running"], privileged=True).text()
            if told in ("running", "degraded"):
                return
            time.sleep(0.05)
        raise self._not_booted(told)

    def _not_booted(self, why: str) -> VerificationError:
        console = subprocess.run(
            [*self._sudo, "cat", f"/proc/{self._first}/fd/7/console"], check=False, capture_output=True
        ).stdout
        last = console.decode(errors="replace").strip()[-300:]
        return VerificationError(
            "the sandbox did not boot", why=f"{why} {last}".strip(), rule="sandbox-unavailable"
        )

    def _enter(self) -> list[str]:
        spaces = ["-m", "-p", "-u", "-i", "-n", "-r", "-w"]
        return [*self._sudo, "nsenter", "-t", str(self._leader), *spaces, "--"]

    def processes(self) -> tuple[GuestProcess, ...]:
        """List what runs inside, without what belongs to systemd itself."""
        return tuple(p for p in super().processes() if not p.command.startswith(_SYSTEMS_OWN))

    def boot(self) -> None:
        """End every process that is not systemd's own; the system itself stays up."""
        self.strike("KILL").communicate(timeout=60)


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
