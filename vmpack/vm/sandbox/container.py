"""Containers: other distributions by image, through podman or docker."""

import contextlib
import subprocess
import uuid
from collections.abc import Sequence
from typing import Literal, Self

from vmpack.errors import UsageError, VerificationError
from vmpack.vm.sandbox.overlay import HERE
from vmpack.vm.sandbox.walking import WalkingGuest

_DRESS = """
cd /run/vmpack && mkdir -p active real /run/lock /run/systemd/system /var/lib/waagent /var/log/azure
[ ! -x /usr/bin/systemctl ] || mv /usr/bin/systemctl real/systemctl
mv systemctl /usr/bin/systemctl
for name in reboot shutdown poweroff halt; do
    command -v "$name" >/dev/null || ln -s /usr/bin/systemctl "/usr/sbin/$name"
done
"""
_FIRST = """
exec 8<&0 0</dev/null
if [ "$1" = 1 ]; then cat <&8 >/dev/null 2>&1 & else sleep infinity >/dev/null 2>&1 8<&- & fi
exec 8<&-
echo ready
wait "$!"
"""
"""The first process: ends when vmpack's end of stdin closes, and reaps orphans until then."""


class ContainerSandbox(WalkingGuest):
    """A container of an image, gone when its stdin closes."""

    def __init__(
        self,
        engine: Literal["podman", "docker"],
        image: str | None,
        *,
        network: bool = False,
        keep: bool = False,
    ) -> None:
        if not image:
            raise UsageError(
                f"--sandbox={engine} needs --image", remedy="Give one, such as --image debian:12."
            )
        self.kind = engine
        self.description = f"container of {image} in {engine}" + ("" if network else ", no network")
        self._keep, self._left = keep, False
        self._engine, self._name = engine, f"vmpack-{uuid.uuid4()}"
        self._process = self._open(image, [] if network else ["--network", "none"])
        try:
            self._dress()
            self.helpers = frozenset({1, *(process.pid for process in self.processes())})
            self.remember()
        except BaseException:
            self.close()
            raise

    def _open(self, image: str, network: Sequence[str]) -> "subprocess.Popen[bytes]":
        options = ["-i", "--rm", "--name", self._name, "--user", "0", *network]
        first = ["-c", _FIRST, "sh", str(int(not self._keep))]
        process = subprocess.Popen(
            [self._engine, "run", *options, "--entrypoint", "/bin/sh", image, *first],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        if process.stdout is None or process.stdout.readline() != b"ready\n":
            process.kill()
            told = process.communicate()[1].decode(errors="replace").strip()
            raise VerificationError(
                f"{self._engine} could not start {image}", why=told[-500:], rule="sandbox-unavailable"
            )
        return process

    def _dress(self) -> None:
        """Put vmpack's own systemctl in place of what cannot work without systemd."""
        done = self.run(["/bin/sh", "-c", "mkdir -p /run/vmpack"])
        for name in ("systemctl", "service"):
            self.write(f"/run/vmpack/{name}", HERE / f"{name}.sh", 0o755)
        done = self.run(["/bin/sh", "-c", _DRESS])
        if done.code:
            raise VerificationError("the container could not be prepared", why=done.text())

    def _inside(self, command: Sequence[str], *, privileged: bool, stdin: bool) -> list[str]:  # noqa: ARG002
        return [self._engine, "exec", *(["-i"] if stdin else []), "--user", "0", self._name, *command]

    def leave(self) -> str:
        """Leave the container running when this process ends; give the commands to enter and to end it."""
        self._left = True
        self._process.returncode = 0  # no longer ours to wait for
        return f"{self._engine} exec -it {self._name} /bin/sh    (end it with: {self._engine} rm -f {self._name})"

    def close(self) -> None:
        """End everything inside and remove every trace, unless ``leave`` was called; safe to call twice."""
        if not self._left and self._process.poll() is None:
            subprocess.run(
                [self._engine, "rm", "-f", *(["-t", "0"] if self._engine == "podman" else []), self._name],
                check=False,
                capture_output=True,
            )
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()
        if not self._left:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=20)

    def __enter__(self) -> Self:
        return self
