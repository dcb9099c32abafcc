"""A throw-away machine, and the agent's way of running a command on it."""

import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import zstandard

from vmpack import installer
from vmpack.installer.model import Commands, PayloadFacts
from vmpack.manifest.model import Check, Config, InstallerRef, Manifest, Payload, Source

AGENT = "/var/lib/waagent/Microsoft.CPlat.Core.VMApplicationManagerLinux"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_SETUP = """
set -e
mount --make-rprivate /
mount -t overlay overlay -o lowerdir=/,upperdir=$1/upper,workdir=$1/work $1/root
mount -t proc proc $1/root/proc
mount --rbind /dev $1/root/dev
mount -t tmpfs tmpfs $1/root/run
mount -t tmpfs tmpfs $1/root/tmp
cd $1/root
mkdir -p mnt
pivot_root . mnt
umount -l /mnt
# Only now is there nothing of the real machine left to hurt.
echo ready
exec sleep infinity
"""


@dataclass
class Outcome:
    """What the agent sees of a command."""

    code: int
    stdout: str
    stderr: str


@dataclass
class Machine:
    """An overlay over this machine's root in its own mount and process namespaces."""

    folder: Path
    holder: subprocess.Popen[str] = field(init=False)
    pid: int = field(init=False)

    def start(self) -> None:
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir()
        self.holder = subprocess.Popen(
            ["unshare", "-m", "-p", "--fork", "--kill-child", "sh", "-c", _SETUP, "sh", str(self.folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.holder.stdout
        assert self.holder.stdout.readline() == "ready\n"
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()
        self.pid = int(children[0])
        assert not os.path.samestat(os.stat("/"), os.stat(f"/proc/{self.pid}/root/")), (
            "still on the real root"
        )

    def stop(self) -> None:
        self.holder.kill()
        self.holder.wait()
        assert self.holder.stdout
        self.holder.stdout.close()

    def enter(self, *argv: str, cwd: str = "/", env: Mapping[str, str] | None = None) -> list[str]:
        """Give the argument list that runs ``argv`` inside with nothing but ``env`` in its environment."""
        inside = [
            "nsenter",
            "-t",
            str(self.pid),
            "-m",
            "-p",
            f"--root=/proc/{self.pid}/root",
            f"--wd=/proc/{self.pid}/root{cwd}",
        ]
        words = {"PATH": PATH, "LANG": "C.UTF-8", "PWD": cwd} | dict(env or {})
        return [*inside, "env", "-i", *(f"{key}={value}" for key, value in words.items()), *argv]

    def sh(self, script: str) -> str:
        """Run a line of shell inside and give its output; it must succeed."""
        done = subprocess.run(self.enter("sh", "-c", script), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def path(self, inside: str) -> Path:
        """Give the way from here to a path inside; links inside are not followed rightly."""
        return Path(f"/proc/{self.pid}/root{inside}")

    def changed(self) -> set[str]:
        """Name every file, link and folder that is new or changed inside, but for the agent's own and the logs."""
        noise = (AGENT, "/var/log/vmpack", "/var/lib/waagent")
        found = set()
        for root, folders, files in os.walk(self.folder / "upper"):
            for name in (*folders, *files):
                inside = "/" + os.path.relpath(os.path.join(root, name), self.folder / "upper")
                if not inside.startswith(noise) and not os.path.exists(inside):
                    found.add(inside)
        return found


@dataclass
class Package:
    """One version as the gallery would hold it."""

    manifest: Manifest
    data: bytes
    commands: Commands
    config: bytes | None = None

    @property
    def folder(self) -> str:
        return f"{AGENT}/{self.manifest.name}/{self.manifest.version}"


@dataclass
class Agent:
    """The VM agent, as far as a single command sees it."""

    machine: Machine

    def deliver(self, package: Package, *, data: bytes | None = None) -> None:
        folder = self.machine.path(package.folder)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._put(folder / package.manifest.package_file_name, package.data if data is None else data)
        config = package.manifest.config
        if package.config is not None:
            name = config.file_name if config else f"{package.manifest.name}_config"
            self._put(folder / name, package.config)

    @staticmethod
    def _put(path: Path, data: bytes) -> None:
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        path.chmod(0o700)

    def start(
        self, package: Package, command: str, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        folder = self.machine.path(package.folder)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            return subprocess.Popen(
                self.machine.enter("/bin/sh", "-c", command, cwd=package.folder, env=env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def run(self, package: Package, command: str, env: Mapping[str, str] | None = None) -> Outcome:
        code = self.start(package, command, env).wait(timeout=60)
        folder = self.machine.path(package.folder)
        return Outcome(code, (folder / "stdout").read_text(), (folder / "stderr").read_text())

    def install(self, package: Package, env: Mapping[str, str] | None = None) -> Outcome:
        self.deliver(package)
        return self.run(package, package.commands.install, env)

    def update(self, package: Package, env: Mapping[str, str] | None = None) -> Outcome:
        self.deliver(package)
        assert package.commands.update
        return self.run(package, package.commands.update, env)

    def remove(self, package: Package, env: Mapping[str, str] | None = None) -> Outcome:
        outcome = self.run(package, package.commands.remove, env)
        shutil.rmtree(self.machine.path(package.folder))
        return outcome


def make_manifest(folder: Path, **facts: Any) -> Manifest:
    """Make a manifest value for tests that need no manifest text."""
    defaults: dict[str, Any] = {
        "source": Source(folder / "vmapp.json", "{}"),
        "document": {},
        "name": "hello",
        "version": "1.0.0",
        "os": "linux",
        "payload": Payload(),
        "package_file_name": "hello.tar",
        "installer": InstallerRef("archive", {"destination": "/opt/hello"}),
    }
    return Manifest(**(defaults | facts))


def _tar(members: Mapping[str, tuple[bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, (data, mode) in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), mode
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def make_package(
    folder: Path,
    *,
    version: str = "1.0.0",
    files: Mapping[str, bytes] | None = None,
    params: Mapping[str, Any] | None = None,
    template: str = "archive",
    checks: tuple[Check, ...] = (),
    config: bytes | None = None,
    form: str = "tar.zst",
    name: str = "hello",
    kill_at: str = "",
    mode: int = 0o755,
) -> Package:
    """Build a package of executable files by hand: two frames, as the package room makes them."""
    payload = {
        path: (data, mode)
        for path, data in (files or {"bin/hello": b"#!/bin/sh\necho hello %s\n" % version.encode()}).items()
    }
    manifest = make_manifest(
        folder,
        name=name,
        version=version,
        checks=checks,
        config=Config("hello.json", "hello.json") if config is not None else None,
        installer=InstallerRef(template, params if params is not None else {"destination": "/opt/hello"}),
    )
    facts = PayloadFacts(
        f"payload.{form}", form, len(payload), sum(len(data) for data, _ in payload.values())
    )
    lifecycle = installer.render(manifest, facts)
    raw = _tar(payload)
    half = len(raw) // 2
    if form == "tar.zst":
        compress = zstandard.ZstdCompressor().compress
        raw = compress(raw[:half]) + compress(raw[half:])
    elif form == "tar.gz":
        import gzip

        raw = gzip.compress(raw[:half]) + gzip.compress(raw[half:])
    members = {"vmapp.json": (b"{}", 0o644)}
    for script in lifecycle.scripts:
        text = script.data
        if kill_at and script.name == f"{template}.sh":
            # The first call of the named step becomes a crash.
            text = re.sub(rb"(?m)^    %s\b" % kill_at.encode(), b"    kill -9 $$", text, count=1)
            assert text != script.data
        members[f"lifecycle/{script.name}"] = (text, script.mode)
    data = _tar(members | {facts.archive: (raw, 0o644)})
    commands = installer.commands(
        manifest, file_name="hello.tar", sha256=hashlib.sha256(data).hexdigest(), size=len(data)
    )
    return Package(manifest, data, commands, config)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("needs root and Linux namespaces")
    made = Machine(tmp_path / "machine")
    made.folder.mkdir()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def agent(machine: Machine) -> Agent:
    return Agent(machine)


@pytest.fixture
def v1(tmp_path: Path) -> Package:
    """Give the first version of the application that most tests install."""
    return make_package(tmp_path)


@pytest.fixture
def v2(tmp_path: Path) -> Package:
    """Give the version behind it."""
    return make_package(tmp_path, version="2.0.0")
