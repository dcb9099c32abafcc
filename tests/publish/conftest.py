"""A real Azurite for each test worker, containers in it, and small releases to publish."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from publish_support import QUICK_OPTIONS, Emulator, fresh_container, running_azurite, write_release

from vmpack.publish.container import Container
from vmpack.publish.destination import Destination
from vmpack.publish.run import opened
from vmpack.release.model import Release

MakeRelease = Callable[..., Release]


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One Azurite for the tests of this worker; each test has a container of its own."""
    with running_azurite(tmp_path_factory.mktemp("azurite")) as emulator:
        yield emulator


@pytest.fixture
def destination(azurite: Emulator) -> Destination:
    """A fresh, existing container, with the account's key."""
    return fresh_container(azurite.url)


@pytest.fixture
def container(destination: Destination) -> Iterator[Container]:
    """The open container of the test's destination."""
    with opened(destination, QUICK_OPTIONS) as found:
        yield found


@pytest.fixture
def make_release(tmp_path: Path) -> MakeRelease:
    """Write a release whose package consists of given blocks."""

    def make(
        blocks: Sequence[bytes], *, name: str = "hello", version: str = "1.0.0", config: bytes | None = None
    ) -> Release:
        return write_release(tmp_path / "dist", blocks, name=name, version=version, config=config)

    return make
