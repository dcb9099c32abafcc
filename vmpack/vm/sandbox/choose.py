"""Which sandboxes work here, and opening one."""

import platform
import shutil
import subprocess
from collections.abc import Callable
from functools import cache

from vmpack.errors import VerificationError
from vmpack.vm.sandbox.guest import is_root
from vmpack.vm.sandbox.model import Availability, Sandbox, SandboxKind
from vmpack.vm.sandbox.overlay import OverlaySandbox


def open_sandbox(
    kind: SandboxKind | None = None, *, network: bool = False, keep: bool = False, size: str = "50%"
) -> Sandbox:
    """Open a throw-away system; ``kind`` None takes the first that works.

    ``size`` bounds what may be written, as tmpfs understands it (``50%`` of memory, ``64m``). With ``keep`` the sandbox
    can be left running (``leave``). Raises ``VerificationError`` when the kind does not work here.
    """
    chosen = kind or choose()
    told = check(chosen)
    if not told.works:
        raise VerificationError(
            f"the sandbox '{chosen}' does not work here",
            why=told.reason,
            remedy=told.remedy,
            rule="sandbox-unavailable",
        )
    return OverlaySandbox(network=network, keep=keep, size=size)


def choose() -> SandboxKind:
    """Give the first kind that works on this machine, or raise ``VerificationError`` with every reason."""
    told = []
    for kind in _AUTOMATIC:
        found = check(kind)
        if found.works:
            return kind
        told.append(f"{kind}: {found.reason}")
    raise VerificationError(
        "no sandbox works here",
        why="; ".join(told),
        remedy="Run as root or with sudo on Linux, or see 'vmpack doctor'.",
        rule="sandbox-unavailable",
    )


def available() -> tuple[Availability, ...]:
    """Tell of every kind whether it works here, and what is missing."""
    return tuple(check(kind) for kind in _CHECKS)


@cache
def check(kind: SandboxKind) -> Availability:
    """Tell whether one kind works here; the answer is kept for the life of the process."""
    return _CHECKS[kind]()


def _check_root() -> Availability:
    if platform.system() != "Linux":
        return Availability("root", False, "needs Linux", "Use podman or docker with --image.")
    missing = [tool for tool in ("unshare", "nsenter", "setpriv", "pivot_root") if not shutil.which(tool)]
    if missing:
        return Availability("root", False, f"missing: {', '.join(missing)}", "Install util-linux.")
    sudo = [] if is_root() else ["sudo", "-n"]
    try:
        done = subprocess.run(
            [*sudo, "unshare", "-m", "-p", "-u", "-i", "-n", "--fork", "true"],
            check=False,
            capture_output=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Availability("root", False, str(error), "Run as root.")
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip().splitlines()
        reason = told[-1] if told else "unshare failed"
        return Availability("root", False, reason, "Run as root, or with sudo that asks for no password.")
    return Availability("root", True, "root" if is_root() else "sudo without a password")


_CHECKS: dict[SandboxKind, Callable[[], Availability]] = {"root": _check_root}
_AUTOMATIC: tuple[SandboxKind, ...] = ("root",)
