"""The root sandbox: namespaces and an overlay over this machine's own file system, gone when its first process ends.

Needs root (or sudo without a password) and util-linux, nothing else. Measured at 0.15 to 0.3 s.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

from vmpack.errors import VerificationError
from vmpack.values import dataclass
from vmpack.vm.sandbox import _survey
from vmpack.vm.sandbox.guest import Guest, is_root
from vmpack.vm.sandbox.model import Change, SandboxKind

HERE = Path(__file__).parent
_STAGES = ("/mnt", "/media", "/srv", "/opt", "/var/opt")
_DISK_TYPES = {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "overlay", "bcachefs"}
FRESH = ("/tmp", "/var/tmp", "/root", "/home", "/var/lib/waagent", "/var/log/azure")  # noqa: S108
"""Folders that are empty in the sandbox and whose content is surveyed; ``/run`` is empty and not surveyed."""
_KERNELS = ("/proc", "/sys", "/dev", "/run", "/boot", "/snap", "/mnt", "/media")
_HIDDEN = (*FRESH, *_KERNELS, "/var/lib/docker", "/var/lib/containers", "/var/lib/kubelet")
_DROPPED = (
    "sys_admin,mknod,sys_module,sys_boot,sys_time,sys_rawio,sys_ptrace,net_admin,sys_pacct,syslog,wake_alarm,"
    "block_suspend,audit_control,mac_admin,mac_override"
)
"""Capabilities that scripts do not get: with these they could leave the sandbox or change the kernel's state."""


@dataclass(frozen=True, slots=True)
class Layers:
    """What lies beneath an overlay."""

    lower: str = "/"
    below: tuple[str, ...] = ()
    """File systems mounted beneath the lower root; each gets an overlay of its own."""
    options: str = ",redirect_dir=off"
    """More mount options, each with a comma before it. Without redirects a renamed folder is copied, so that the
    upper layer alone tells what changed."""
    fresh: tuple[str, ...] = FRESH


class OverlaySandbox(Guest):
    """A copy of this machine that costs nothing: every write goes to memory and is forgotten."""

    kind: SandboxKind = "root"
    mutable: bool = True
    _script: ClassVar[str] = "root.sh"
    _user_namespace: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, network: bool = False, keep: bool = False, size: str = "50%") -> None:
        self._network = network
        self._keep = keep
        self._left = False
        self._first = 0
        self._sudo = self._elevation()
        self._layers = self._find_layers()
        self.description = self._describe() + ("" if network else ", no network")
        self._open(size)

    def _elevation(self) -> tuple[str, ...]:
        return () if is_root() else ("sudo", "-n")

    def _find_layers(self) -> Layers:
        return Layers(below=_mounts_below("/"))

    def _describe(self) -> str:
        return "overlay over this machine's file system in namespaces of its own"

    def _open(self, size: str) -> None:
        self._process = subprocess.Popen(
            [*self._launcher(), "/bin/sh", str(HERE / self._script), *self._arguments(size)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            start_new_session=True,
        )
        if self._process.stdout is None or self._process.stdout.readline() != b"ready\n":
            self._refuse()
        try:
            self._first = self._find_first_process()
            self._after_start()
        except BaseException:
            self.close()
            raise

    def _launcher(self) -> list[str]:
        spaces = ["-m", "-p", "-u", "-i", *([] if self._network else ["-n"])]
        return [*self._sudo, "unshare", *self._user_namespace, *spaces, "--fork", "--kill-child"]

    def _arguments(self, size: str) -> list[str]:
        layers = self._layers
        flags = [str(int(self._network)), str(int(not self._keep))]
        return [layers.lower, _stage(layers), size, layers.options, *flags, *layers.below]

    def _refuse(self) -> None:
        self._process.kill()
        _, told = self._process.communicate()
        raise VerificationError(
            "the sandbox could not be set up",
            why=told.decode(errors="replace").strip()[-500:],
            remedy="Run 'vmpack doctor' to see which sandboxes work here.",
            rule="sandbox-unavailable",
        )

    def _find_first_process(self) -> int:
        """Follow the only children from sudo over unshare to PID 1 of the namespace."""
        pid = self._process.pid
        for _ in range(4):
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if not children:
                break
            pid = int(children[0])
            if _namespace_pid(pid) == 1:
                return pid
        raise VerificationError("the sandbox's first process is not to be found", rule="sandbox-unavailable")

    def _after_start(self) -> None:
        self.helpers = frozenset({1, *(process.pid for process in self.processes())})
        if not self._network and not shutil.which("ip"):
            self._raise_loopback()
        self._baseline = frozenset(self._survey())

    def _raise_loopback(self) -> None:
        code = (
            "import fcntl, socket, struct\n"
            "with socket.socket() as s: fcntl.ioctl(s, 0x8914, struct.pack('16sh14x', b'lo', 0x41))"
        )
        flags = ["-n", *(["-U"] if self._user_namespace else [])]
        space = [*self._sudo, "nsenter", "-t", str(self._first), *flags, "--"]
        subprocess.run([*space, sys.executable, "-I", "-S", "-c", code], check=False, capture_output=True)

    def _enter(self) -> list[str]:
        flags = ["-U"] if self._user_namespace else []
        flags += ["-m", "-p", "-u", "-i", "-r", "-w", *([] if self._network else ["-n"])]
        return [*self._sudo, "nsenter", "-t", str(self._first), *flags, "--"]

    def _inside(self, command: Sequence[str], *, privileged: bool, stdin: bool) -> list[str]:  # noqa: ARG002
        if privileged:
            return [*self._enter(), *command]
        dropped = ",".join(f"-{name}" for name in _DROPPED.split(","))
        return [*self._enter(), "setpriv", "--no-new-privs", f"--bounding-set={dropped}", "--", *command]

    def changes(self) -> tuple[Change, ...]:
        """Tell everything that differs from the pristine system, sorted by path."""
        return tuple(sorted(set(self._survey()) - self._baseline, key=lambda change: change.path))

    def _survey(self) -> list[Change]:
        stage, layers = f"/proc/{self._first}/fd/7", self._layers
        places: list[tuple[str, str | None, str]] = [(f"{stage}/upper0", layers.lower, "/")]
        places += [(f"{stage}/upper{n}", below, below) for n, below in enumerate(layers.below, 1)]
        places += [(f"{stage}/fresh{path}", None, path) for path in layers.fresh]
        prefix = self._survey_prefix()
        if prefix:
            script = [sys.executable, "-I", "-S", str(_survey.__file__), json.dumps(places)]
            done = subprocess.run([*prefix, *script], check=True, capture_output=True)
            rows = json.loads(done.stdout)
        else:
            rows = [row for place in places for row in _survey.survey(*place)]
        return [Change(*row) for row in rows]  # a row has Change's fields in order

    def _survey_prefix(self) -> list[str]:
        """Give what the survey is run through when this process may not read the layers; empty: right here."""
        return list(self._sudo)

    def pristine(self, path: str) -> bytes | None:
        """Give a file's bytes as they were before anything was changed, or None."""
        if any(path == place or path.startswith(f"{place}/") for place in (*self._layers.fresh, "/run")):
            return None
        try:
            return Path(self._layers.lower.rstrip("/") + path).read_bytes()
        except OSError:
            return None

    def leave(self) -> str:
        """Leave the sandbox running when this process ends; give the commands to enter and to end it."""
        self._left = True
        self._process.returncode = 0  # no longer ours to wait for
        end = " ".join([*self._sudo[:1], f"kill -9 {self._first}"])
        return f"{' '.join(self._enter())} /bin/sh    (end it with: {end})"

    def close(self) -> None:
        """End everything inside and remove every trace, unless ``leave`` was called; safe to call twice."""
        if self._keep and not self._left and self._process.poll() is None:
            subprocess.run([*self._sudo, "kill", "-9", str(self._first)], check=False, capture_output=True)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()
        if not self._left:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=10)

    def __enter__(self) -> Self:
        return self


def _namespace_pid(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return 0


def _mounts_below(root: str) -> tuple[str, ...]:
    """Give the mounted folders beneath ``root`` that an overlay over it would not show."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        path = before.split()[4].encode().decode("unicode_escape")
        hidden = any(path == place or path.startswith(f"{place}/") for place in _HIDDEN)
        if path != root and after.split()[0] in _DISK_TYPES and not hidden and os.path.isdir(path):
            found.append(path)
    return tuple(sorted(set(found)))


def _stage(layers: Layers) -> str:
    """Choose an existing folder to mount on in the sandbox's own namespace: nothing is created on the machine."""
    taken = (*layers.below, layers.lower, str(HERE))
    for folder in _STAGES:
        if os.path.isdir(folder) and not any(path.startswith(folder) for path in taken):
            return folder
    raise VerificationError(
        "no folder to stage the sandbox in",
        why=f"none of {', '.join(_STAGES)} exists.",
        remedy="Create an empty /mnt.",
        rule="sandbox-unavailable",
    )
