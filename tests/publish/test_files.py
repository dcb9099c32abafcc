"""A release's file read in pieces, by many threads."""

import errno
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vmpack.errors import PublishError
from vmpack.publish.files import opened_file
from vmpack.release.model import Artifact

DATA = bytes(range(251)) * 40


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    path = tmp_path / "x.tar"
    path.write_bytes(DATA)
    return Artifact(path, path.name, len(DATA), "")


@pytest.mark.parametrize(("offset", "size"), [(0, 0), (0, 1), (7, 999), (7, 1000), (7, 2500), (0, len(DATA))])
def test_any_stretch_is_read_whole(artifact: Artifact, offset: int, size: int) -> None:
    with opened_file(artifact) as file:
        assert file.read(offset, size) == DATA[offset : offset + size]


def test_threads_do_not_share_memory(artifact: Artifact) -> None:
    with opened_file(artifact) as file, ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda offset: file.read(offset, 3000), range(0, 5000, 10)))
    assert read == [DATA[offset : offset + 3000] for offset in range(0, 5000, 10)]


def test_where_positioned_reads_are_missing_threads_take_turns(
    artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("os.preadv")
    with opened_file(artifact) as file, ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda offset: file.read(offset, 3000), range(0, 5000, 50)))
    assert read == [DATA[offset : offset + 3000] for offset in range(0, 5000, 50)]


def test_a_file_that_becomes_shorter_is_noticed(artifact: Artifact) -> None:
    with opened_file(artifact) as file:
        artifact.path.write_bytes(DATA[:1500])
        with pytest.raises(PublishError, match="changed since the release was built"):
            file.read(1000, 1000)


def test_trouble_of_the_disk_is_told_as_such_and_not_as_the_networks(
    artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    with opened_file(artifact) as file:
        monkeypatch.setattr("os.preadv", fail)
        with pytest.raises(PublishError, match="cannot be read: Input/output error") as caught, file.blamed():
            file.read(0, 10)
    assert caught.value.where == str(artifact.path)
