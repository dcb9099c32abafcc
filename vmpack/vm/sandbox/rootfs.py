"""Minimal root file systems for sandboxes that cannot use this machine's own, built once by mmdebstrap and kept."""

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from vmpack.errors import VerificationError
from vmpack.vm.sandbox.guest import USER_NAMESPACE, is_root

_PLAIN = ("python3",)
_BOOTABLE = ("python3", "systemd", "systemd-sysv", "dbus", "libpam-systemd")


def cache_folder() -> Path:
    """Give the folder where root file systems are kept: VMPACK_CACHE_DIR's, else the user's cache folder."""
    if os.environ.get("VMPACK_CACHE_DIR"):
        return Path(os.environ["VMPACK_CACHE_DIR"]) / "rootfs"
    import platformdirs

    return Path(platformdirs.user_cache_dir("vmpack")) / "rootfs"


def is_ready(*, bootable: bool = False) -> bool:
    """Tell whether the root file system lies in the cache."""
    return (_place(bootable=bootable) / "etc").is_dir()


def can_build() -> bool:
    """Tell whether it could be built here."""
    return shutil.which("mmdebstrap") is not None


def rootfs(*, bootable: bool = False) -> Path:
    """Give the root file system, building it first if need be (about 15 s, ``bootable`` 30 s, with network).

    Raises ``VerificationError`` when it cannot be built.
    """
    place = _place(bootable=bootable)
    if is_ready(bootable=bootable):
        return place
    if not can_build():
        raise VerificationError(
            "there is no root file system for the sandbox",
            why="mmdebstrap, which builds it, is not installed.",
            remedy="Install mmdebstrap.",
            rule="sandbox-unavailable",
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    with _locked(place.parent):
        if not is_ready(bootable=bootable):
            _build(place, _BOOTABLE if bootable else _PLAIN)
    return place


def _place(*, bootable: bool) -> Path:
    user = "root" if is_root() else "user"
    return cache_folder() / f"debian-{user}{'-systemd' if bootable else ''}"


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(place: Path, packages: tuple[str, ...]) -> None:
    """Unpack beside and rename: a killed build leaves nothing that looks whole."""
    beside = place.with_name(f"{place.name}.new")
    inside = [] if is_root() else ["unshare", *USER_NAMESPACE, "--fork"]
    script = (
        'rm -rf "$1" && mkdir -p "$1" && tar -xpf "$2" -C "$1" --exclude="./dev/*" && rm -f "$2" && '
        "printf '127.0.0.1 localhost\\n::1 localhost\\n' >\"$1/etc/hosts\" && "
        'chmod 0755 "$1" && mv "$1" "$3"'
    )
    tar = f"{beside}.tar"
    mode = "root" if is_root() else "unshare"
    made = [
        "mmdebstrap",
        "--quiet",
        f"--mode={mode}",
        "--variant=minbase",
        f"--include={','.join(packages)}",
        "--aptopt=Acquire::Languages none",
        "stable" if _suite() is None else str(_suite()),
        tar,
    ]
    for command in (made, [*inside, "/bin/sh", "-c", script, "sh", str(beside), tar, str(place)]):
        done = subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise VerificationError(
                "the root file system for the sandbox could not be built",
                why=done.stderr.decode(errors="replace").strip()[-500:],
                remedy="mmdebstrap needs the network and a Debian mirror once.",
                rule="sandbox-unavailable",
            )


def _suite() -> str | None:
    """Give the suite of this machine when it is a Debian, whose keys are then at hand."""
    facts = {}
    with contextlib.suppress(OSError):
        for line in Path("/etc/os-release").read_text().splitlines():
            name, _, value = line.partition("=")
            facts[name] = value.strip('"')
    return facts.get("VERSION_CODENAME") if facts.get("ID") in ("debian", "ubuntu") else None
