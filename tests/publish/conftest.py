"""A real Azurite for each test worker, and small releases to publish."""

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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from vmpack.installer.model import Commands
from vmpack.manifest.model import PublishDefaults
from vmpack.package.model import Block
from vmpack.publish.container import Container
from vmpack.publish.credentials import SharedKey
from vmpack.publish.destination import Destination
from vmpack.publish.retry import RetryPolicy
from vmpack.publish.run import PublishOptions, opened
from vmpack.publish.wire import Timeouts
from vmpack.release.model import Artifact, Release

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
        return (
            f"DefaultEndpointsProtocol={self.scheme};AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={self.url};"
        )


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


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One Azurite for the tests of this worker; each test has a container of its own."""
    with running_azurite(tmp_path_factory.mktemp("azurite")) as emulator:
        yield emulator


@pytest.fixture
def destination(azurite: Emulator) -> Destination:
    """A fresh, existing container, with the account's key."""
    return fresh_container(azurite.url)


def fresh_container(endpoint: str) -> Destination:
    """Make a container with a name of its own."""
    key = SharedKey(ACCOUNT, KEY)
    made = Destination(ACCOUNT, f"{endpoint}/c{uuid.uuid4().hex}", key, key)
    with opened(made, QUICK_OPTIONS) as container:
        assert container.create()
    return made


QUICK_OPTIONS = PublishOptions(policy=QUICK, timeouts=Timeouts(connect=5, stall=5, request=20))


@pytest.fixture
def container(destination: Destination) -> Iterator[Container]:
    """The open container of the test's destination."""
    with opened(destination, QUICK_OPTIONS) as found:
        yield found


def chunks(seed: int, count: int, size: int = 20_000) -> list[bytes]:
    """Make reproducible blocks of various sizes around ``size`` bytes."""
    source = random.Random(seed)
    return [source.randbytes(source.randint(size // 2, size * 3 // 2)) for _ in range(count)]


MakeRelease = Callable[..., Release]


@pytest.fixture
def make_release(tmp_path: Path) -> MakeRelease:
    """Write a release whose package consists of given blocks."""

    def make(
        blocks: Sequence[bytes], *, name: str = "hello", version: str = "1.0.0", config: bytes | None = None
    ) -> Release:
        return write_release(tmp_path / "dist", blocks, name=name, version=version, config=config)

    return make


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
                "source": {},
                "manageActions": {"install": "true", "remove": "true"},
                "settings": {"packageFileName": package.file_name},
            }
        },
    }
    return Release(
        directory=folder,
        name=name,
        version=version,
        os="linux",
        package=package,
        config=_artifact(folder / f"{name}.json", config) if config is not None else None,
        template=None,
        commands=Commands("true", "true", None),
        blocks=tuple(listed),
        segments=len(blocks),
        reboot_behavior="None",
        checks=(),
        retains=(),
        publish=PublishDefaults(),
        version_resource=resource,
    )


def _artifact(path: Path, data: bytes) -> Artifact:
    path.write_bytes(data)
    return Artifact(path, path.name, len(data), hashlib.sha256(data).hexdigest())
