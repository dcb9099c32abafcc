"""What the publish tests share beside fixtures: Azurite, containers, releases made of given blocks."""

import base64
import contextlib
import hashlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from vmpack.installer.model import Commands
from vmpack.manifest.model import PublishDefaults
from vmpack.package.model import Block
from vmpack.package.parcels import take_parcels
from vmpack.publish.credentials import SharedKey
from vmpack.publish.destination import Destination
from vmpack.publish.retry import RetryPolicy
from vmpack.publish.run import PublishOptions, opened
from vmpack.publish.wire import Timeouts
from vmpack.release.model import Artifact, Release
from vmpack.release.report import build_report, to_json

AZURITE = Path(__file__).parents[2] / "node_modules/azurite/dist/src/blob/main.js"
ACCOUNT = "vmpacktest"
KEY = base64.b64encode(hashlib.sha512(b"a key for tests").digest()).decode()

QUICK = RetryPolicy(attempts=10, base=0.002, cap=0.02)
"""Retries that do not make a test wait."""


@dataclass(frozen=True)
class Emulator:
    """A running Azurite."""

    port: int
    process: "subprocess.Popen[bytes]"
    scheme: str = "http"

    @property
    def url(self) -> str:
        """The account's endpoint."""
        return f"{self.scheme}://127.0.0.1:{self.port}/{ACCOUNT}"

    @property
    def connection_string(self) -> str:
        """What az and the SDK want."""
        return f"DefaultEndpointsProtocol={self.scheme};AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={self.url};"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running_azurite(folder: Path, *more: str, scheme: str = "http") -> Iterator[Emulator]:
    """Start Azurite with its data in memory, wait until it answers, and stop it."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is missing: Azurite cannot run")
    if not AZURITE.is_file():
        pytest.skip("Azurite is missing: npm ci --ignore-scripts")
    port = free_port()
    arguments = [
        *(node, str(AZURITE), "--blobHost", "127.0.0.1", "--blobPort", str(port)),
        *("--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--silent", *more),
    ]
    environment = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
    with (folder / "azurite.log").open("wb") as log:
        process = subprocess.Popen(arguments, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            _wait_for(port, process, folder / "azurite.log")
            yield Emulator(port, process, scheme)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError("Azurite does not answer")


QUICK_OPTIONS = PublishOptions(policy=QUICK, timeouts=Timeouts(connect=5, stall=5, request=20))


def fresh_container(endpoint: str) -> Destination:
    """Make a container with a name of its own."""
    key = SharedKey(ACCOUNT, KEY)
    made = Destination(ACCOUNT, f"{endpoint}/c{uuid.uuid4().hex}", key, key)
    with opened(made, QUICK_OPTIONS) as container:
        assert container.create()
    return made


def chunks(seed: int, count: int, size: int = 20_000) -> list[bytes]:
    """Make reproducible blocks of various sizes around ``size`` bytes."""
    source = random.Random(seed)
    return [source.randbytes(source.randint(size // 2, size * 3 // 2)) for _ in range(count)]


def write_release(
    dist: Path, blocks: Sequence[bytes], *, name: str, version: str, config: bytes | None = None
) -> Release:
    folder = dist / name / version
    folder.mkdir(parents=True, exist_ok=True)
    package = _artifact(folder / f"{name}.tar", b"".join(blocks))
    listed = []
    offset = 0
    for data in blocks:
        listed.append(Block(offset, len(data), hashlib.sha256(data).hexdigest()))
        offset += len(data)
    resource = {
        "location": "westeurope",
        "properties": {
            "publishingProfile": {
                "manageActions": {"install": "true", "remove": "true"},
                "settings": {"packageFileName": package.file_name},
            }
        },
    }
    release = Release(
        directory=folder,
        name=name,
        version=version,
        os="linux",
        package=package,
        config=_artifact(folder / f"{name}.json", config) if config is not None else None,
        template=None,
        commands=Commands("true", "true", None),
        blocks=tuple(listed),
        parcels=take_parcels(package.path, listed, package.size),
        segments=len(blocks),
        reboot_behavior="None",
        checks=(),
        retains=(),
        publish=PublishDefaults(),
        version_resource=resource,
    )
    (folder / "build.json").write_bytes(to_json(build_report(release)))
    (folder / "version.json").write_bytes(to_json(resource))
    return release


def _artifact(path: Path, data: bytes) -> Artifact:
    path.write_bytes(data)
    return Artifact(path, path.name, len(data), hashlib.sha256(data).hexdigest())
