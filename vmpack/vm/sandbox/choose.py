"""Which sandboxes work here, and opening one."""

import functools
import platform
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from vmpack.errors import VerificationError
from vmpack.vm.sandbox.guest import USER_NAMESPACE, is_root
from vmpack.vm.sandbox.model import Availability, Sandbox, SandboxKind

_AUTOMATIC: tuple[SandboxKind, ...] = ("root", "userns")
"""What is taken without being asked for, best first; images and booted systems are for those who ask."""


def open_sandbox(
    kind: SandboxKind | None = None,
    *,
    image: str | None = None,
    network: bool = False,
    keep: bool = False,
    size: str = "50%",
) -> Sandbox:
    """Open a throw-away system; ``kind`` None takes the first that works.

    ``image`` is for podman and docker. ``size`` bounds what may be written, as tmpfs understands it (``50%`` of
    memory, ``64m``). With ``keep`` the sandbox can be left running (``leave``). Raises ``VerificationError`` with
    the rule ``sandbox-unavailable`` when the kind does not work here.
    """
    chosen = require(kind, image)
    if chosen in ("podman", "docker"):
        from vmpack.vm.sandbox.container import ContainerSandbox

        return ContainerSandbox(chosen, image, network=network, keep=keep)
    if chosen == "none":
        from vmpack.vm.sandbox.host import HostSandbox

        return HostSandbox(network=network, keep=keep)
    return _overlay(chosen)(network=network, keep=keep, size=size)


def require(kind: SandboxKind | None = None, image: str | None = None) -> SandboxKind:
    """Give the kind to use, or raise ``VerificationError`` with the reason why it cannot be had."""
    if kind is None:
        kinds: Sequence[SandboxKind] = ("podman", "docker") if image else _AUTOMATIC
        return _first_that_works(kinds)
    told = check(kind)
    if told.works:
        return kind
    raise VerificationError(
        f"the sandbox '{kind}' does not work here",
        why=told.reason,
        remedy=told.remedy,
        rule="sandbox-unavailable",
    )


def available() -> tuple[Availability, ...]:
    """Tell of every kind whether it works here, and what is missing."""
    return tuple(check(kind) for kind in _CHECKS)


@functools.cache
def check(kind: SandboxKind) -> Availability:
    """Tell whether one kind works here; the answer is kept for the life of the process."""
    return _CHECKS[kind]()


def _first_that_works(kinds: Sequence[SandboxKind]) -> SandboxKind:
    told = []
    for kind in kinds:
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


def _overlay(kind: SandboxKind) -> Callable[..., Sandbox]:
    if kind == "userns":
        from vmpack.vm.sandbox.userns import UsernsSandbox

        return UsernsSandbox
    if kind == "nspawn":
        from vmpack.vm.sandbox.nspawn import NspawnSandbox

        return NspawnSandbox
    from vmpack.vm.sandbox.overlay import OverlaySandbox

    return OverlaySandbox


def _check_root() -> Availability:
    missing = _missing("unshare", "nsenter", "setpriv", "pivot_root")
    if missing:
        return Availability(
            "root", False, missing, "Use Linux with util-linux, or podman or docker with --image."
        )
    failed = _fails([*_sudo(), "unshare", "-m", "-p", "-u", "-i", "-n", "--fork", "true"])
    if failed:
        return Availability("root", False, failed, "Run as root, or with sudo that asks for no password.")
    return Availability("root", True, "root" if is_root() else "sudo without a password")


def _check_userns() -> Availability:
    missing = _missing("unshare", "nsenter", "newuidmap")
    if missing:
        return Availability("userns", False, missing, "Install uidmap and util-linux.")
    from vmpack.vm.sandbox.rootfs import can_build, is_ready
    from vmpack.vm.sandbox.userns import allowed

    if not allowed():
        remedy = (
            "Give your user a range: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 NAME."
        )
        return Availability("userns", False, "no range of ids in /etc/subuid and /etc/subgid", remedy)
    failed = _fails(["unshare", *USER_NAMESPACE, "-m", "-p", "-n", "--fork", "true"])
    if failed:
        remedy = "On Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0."
        return Availability("userns", False, failed, remedy)
    if not is_ready() and not can_build():
        return Availability("userns", False, "no root file system in the cache", "Install mmdebstrap.")
    built = (
        "root file system in the cache" if is_ready() else "its root file system will be built first (15 s)"
    )
    return Availability("userns", True, f"user namespaces with subordinate ids; {built}")


def _check_nspawn() -> Availability:
    missing = _missing("systemd-nspawn", "unshare", "nsenter", "setpriv")
    if missing:
        return Availability("nspawn", False, missing, "Install systemd-container.")
    from vmpack.vm.sandbox.rootfs import can_build, is_ready

    failed = _fails([*_sudo(), "unshare", "-m", "-p", "--fork", "true"])
    if failed:
        return Availability("nspawn", False, failed, "Run as root, or with sudo that asks for no password.")
    if not is_ready(bootable=True) and not can_build():
        return Availability("nspawn", False, "no root file system in the cache", "Install mmdebstrap.")
    ready = is_ready(bootable=True)
    built = "root file system in the cache" if ready else "its root file system will be built first (30 s)"
    return Availability("nspawn", True, f"systemd-nspawn; {built}")


def _check_engine(engine: SandboxKind) -> Availability:
    missing = _missing(engine)
    if missing:
        return Availability(engine, False, missing, f"Install {engine}.")
    failed = _fails([engine, "info"])
    if failed:
        return Availability(engine, False, failed, f"Start {engine}, or let your user use it.")
    return Availability(engine, True, "needs --image")


def _check_none() -> Availability:
    if platform.system() != "Linux":
        return Availability("none", False, "needs Linux")
    failed = _fails([*_sudo(), "true"])
    if failed:
        return Availability("none", False, failed, "Run as root.")
    return Availability("none", True, "only when asked for: everything is done to this machine itself")


def _sudo() -> list[str]:
    return [] if is_root() else ["sudo", "-n"]


def _missing(*tools: str) -> str:
    """Give a sentence about the tools that are not installed; empty when all are."""
    absent = [tool for tool in tools if not (shutil.which(tool) or Path(f"/usr/sbin/{tool}").exists())]
    return f"not installed: {', '.join(absent)}" if absent else ""


def _fails(command: Sequence[str]) -> str:
    """Give the last line of a command's complaint; empty when it works."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    told = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
    return told[-1] if told else f"{command[0]} failed"


_CHECKS: dict[SandboxKind, Callable[[], Availability]] = {
    "root": _check_root,
    "userns": _check_userns,
    "nspawn": _check_nspawn,
    "podman": functools.partial(_check_engine, "podman"),
    "docker": functools.partial(_check_engine, "docker"),
    "none": _check_none,
}
