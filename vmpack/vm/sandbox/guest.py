"""What every sandbox does the same way once a command can be started inside: files, processes, endings."""

import os
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO

from vmpack.errors import VerificationError
from vmpack.vm.sandbox.model import SYSTEM_PATH, Change, Completed, GuestProcess, SandboxKind

_WRITE = 'rm -f -- "$1" && (umask 077; cat >"$1") && chmod "$2" "$1"'
_PROCESSES = """
for entry in /proc/[0-9]*; do
    pid=${entry#/proc/}
    [ "$pid" != "$$" ] || continue
    command=$(tr '\\000' ' ' <"$entry/cmdline") 2>/dev/null || continue
    case $(sed -n 's/^State:[[:space:]]*//p' "$entry/status" 2>/dev/null) in Z*|'') continue ;; esac
    printf '%s\\t%s' "$pid" "$(printf '%s' "$command" | tr '\\n\\t' '  ')"
    for link in "$entry"/fd/*; do printf '\\t%s' "$(readlink "$link" 2>/dev/null)"; done
    printf '\\n'
done 2>/dev/null
"""


_STRIKE = """
delay=$1 signal=$2 spared=" $$ $3 " hit=
[ "$delay" = 0.000 ] || sleep "$delay"
for entry in /proc/[0-9]*; do
    pid=${entry#/proc/}
    case $spared in *" $pid "*) ;; *) hit="$hit $pid" ;; esac
done
[ -z "$hit" ] || kill "-$signal" $hit 2>/dev/null
echo $hit
"""


class Guest(ABC):
    """A sandbox in which commands are started through a prefix on this machine (``nsenter …``, ``podman exec …``)."""

    kind: SandboxKind
    description: str
    disposable: bool = True
    mutable: bool = False
    helpers: frozenset[int] = frozenset()

    @abstractmethod
    def _inside(self, command: Sequence[str], *, privileged: bool, stdin: bool) -> list[str]:
        """Give the command on this machine that runs ``command`` inside."""

    @abstractmethod
    def changes(self) -> tuple[Change, ...]:
        """Tell everything that differs from the pristine system, sorted by path."""

    @abstractmethod
    def close(self) -> None:
        """End everything inside and remove every trace; safe to call twice."""

    def run(
        self,
        command: Sequence[str],
        *,
        data: bytes | Path | None = None,
        environment: Mapping[str, str] | None = None,
        timeout: float | None = 600,
        privileged: bool = False,
    ) -> Completed:
        """Run a command as root inside and wait for it (see ``Sandbox``)."""
        # Killing what enters the sandbox would leave the command behind in there: it is bounded from inside.
        bounded = (
            command if timeout is None else ["/usr/bin/timeout", "-s", "KILL", f"{timeout:.3f}", *command]
        )
        argv = self._inside(
            _with_environment(bounded, environment), privileged=privileged, stdin=data is not None
        )
        started = time.monotonic()
        with _stdin(data) as stream:
            process = subprocess.Popen(argv, stdin=stream, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            try:
                stdout, stderr = process.communicate(data if isinstance(data, bytes) else None)
            except BaseException:
                process.kill()
                process.wait()
                raise
        if timeout is not None and process.returncode in (137, -9) and time.monotonic() - started >= timeout:
            raise subprocess.TimeoutExpired(list(command), timeout, stdout, stderr)
        return Completed(process.returncode, stdout, stderr)

    def start(
        self, command: Sequence[str], *, environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a command as root inside; stdout and stderr are pipes (see ``Sandbox``)."""
        return subprocess.Popen(
            self._inside(_with_environment(command, environment), privileged=False, stdin=False),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def write(self, path: str, data: bytes | Path, mode: int = 0o644) -> None:
        """Make a file inside, replacing what is there; its folder must exist."""
        done = self.run(["/bin/sh", "-c", _WRITE, "sh", path, f"{mode:04o}"], data=data)
        if done.code:
            raise VerificationError(
                f"cannot write {path} in the sandbox", why=done.text(), rule="sandbox-write"
            )

    def read(self, path: str) -> bytes | None:
        """Give a file's bytes, or None when there is none."""
        done = self.run(["/bin/cat", "--", path])
        return done.stdout if done.code == 0 else None

    def strike(
        self, signal: str, spared: AbstractSet[int] = frozenset(), delay: float = 0.0
    ) -> "subprocess.Popen[bytes]":
        """Signal everything that runs inside but the helpers and ``spared``; its stdout lists whom it struck."""
        pids = " ".join(map(str, {1, *self.helpers, *spared}))
        return self.start(["/bin/sh", "-c", _STRIKE, "sh", f"{delay:.3f}", signal, pids])

    def boot(self) -> None:
        """End every process and empty /run, as a boot does; the sandbox's own files stay."""
        self.strike("KILL").communicate(timeout=60)
        self.run(["/bin/sh", "-c", "find /run -mindepth 1 -type f ! -path '/run/vmpack/*' -delete"])

    def processes(self) -> tuple[GuestProcess, ...]:
        """List what runs inside, without the sandbox's own helpers."""
        done = self.run(["/bin/sh", "-c", _PROCESSES], timeout=None, privileged=True)
        listed = done.stdout.decode(errors="replace")
        found = []
        for line in listed.splitlines():
            pid, command, *files = line.split("\t")
            if int(pid) not in self.helpers:
                found.append(GuestProcess(int(pid), command.strip(), tuple(filter(None, files))))
        return tuple(found)

    def __exit__(self, *_: object) -> None:
        self.close()


def _with_environment(command: Sequence[str], environment: Mapping[str, str] | None) -> list[str]:
    variables = {"PATH": SYSTEM_PATH} if environment is None else environment
    return ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in variables.items()), *command]


def _stdin(data: bytes | Path | None) -> AbstractContextManager[int | IO[bytes]]:
    if isinstance(data, Path):
        return data.open("rb")
    return nullcontext(subprocess.DEVNULL if data is None else subprocess.PIPE)


USER_NAMESPACE = ("--map-root-user", "--map-auto")
"""What ``unshare`` is told by a user who is not root."""


def is_root() -> bool:
    """Tell whether this process is root."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
