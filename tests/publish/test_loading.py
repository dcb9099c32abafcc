"""Blocks in memory: checked there, sent from there, given back while they are sent."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from publish_support import chunks
from zlib_ng import zlib_ng

from vmpack.errors import PublishError
from vmpack.publish.blocks import block_id
from vmpack.publish.files import OpenFile, opened_file
from vmpack.publish.loading import Loader
from vmpack.publish.model import Part, Step
from vmpack.publish.slabs import SLAB
from vmpack.release.model import Artifact

PARTS = [b"", *chunks(1, 4, SLAB), b"x"]
DATA = b"in front" + b"".join(PARTS)


def step_of(*, damaged: bool = False) -> Step:
    parts = []
    offset = len("in front")
    for data in PARTS:
        crc = zlib_ng.crc32(data) ^ (damaged and data == PARTS[2])
        parts.append(Part(offset, len(data), hashlib.sha256(data).hexdigest(), crc))
        offset += len(data)
    return Step("send", block_id(parts[:4]), tuple(parts), "")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x.tar"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def file(path: Path) -> Iterator[OpenFile]:
    with opened_file(Artifact(path, path.name, len(DATA), "")) as file:
        yield file


WHOLE = b"".join(PARTS)
MD5 = hashlib.md5(WHOLE, usedforsecurity=False).digest()


def free(loader: Loader) -> int:
    """Count the slabs that can be had without waiting."""
    return loader.slabs._left


def test_a_block_is_loaded_and_hashed(file: OpenFile) -> None:
    with Loader(1).loaded(file, step_of()) as block:
        assert len(block) == len(WHOLE)
        assert block.md5 == MD5
        assert b"".join(map(bytes, block.pieces())) == WHOLE


def test_every_attempt_sends_the_same(file: OpenFile) -> None:
    with Loader(1).loaded(file, step_of()) as block:
        for _ in range(3):
            begun = block.pieces()
            assert bytes(next(begun)) == WHOLE[:SLAB]
            begun.close()
            assert b"".join(map(bytes, block.pieces())) == WHOLE


class Counted:
    """A progress that keeps where the bar stands."""

    at = 0

    def begin(self, label: str, total: int) -> None:
        """Do nothing."""

    def advance(self, amount: int) -> None:
        self.at += amount

    def end(self) -> None:
        """Do nothing."""


def test_the_progress_follows_what_the_connection_takes(file: OpenFile) -> None:
    progress = Counted()
    with Loader(1).loaded(file, step_of(), progress) as block:
        given_up = block.pieces()
        next(given_up)
        next(given_up)
        assert progress.at == SLAB
        given_up.close()
        places = [progress.at for _ in block.pieces()]
    assert places[:2] == [0, SLAB]
    assert progress.at == len(WHOLE)


def test_another_attempt_checks_again(file: OpenFile, path: Path) -> None:
    with Loader(1).loaded(file, step_of()) as block:
        path.write_bytes(bytes(len(DATA)))
        assert b"".join(map(bytes, block.pieces())) == WHOLE, "what was checked"
        with pytest.raises(PublishError, match="changed since the release was built"):
            next(block.pieces())


def test_memory_comes_back_while_a_block_is_sent(file: OpenFile) -> None:
    loader = Loader(1)
    everything = free(loader)
    with loader.loaded(file, step_of()) as block:
        held = everything - free(loader)
        left = [everything - free(loader) for _ in block.pieces()]
        assert left == list(range(held, 0, -1))
    assert free(loader) == everything


@pytest.mark.parametrize("begun", [False, True])
def test_memory_comes_back_when_sending_fails(file: OpenFile, begun: bool) -> None:
    loader = Loader(1)
    everything = free(loader)

    def failing() -> None:
        with loader.loaded(file, step_of()) as block:
            pieces = block.pieces()
            if begun:
                next(pieces)
            raise OSError

    with pytest.raises(OSError):
        failing()
    assert free(loader) == everything


@pytest.mark.parametrize("kind", ["sent", "copied"])
def test_damage_is_found_and_memory_given_back(file: OpenFile, kind: str) -> None:
    loader = Loader(1)
    everything = free(loader)
    with pytest.raises(PublishError, match="changed since the release was built"):
        if kind == "sent":
            with loader.loaded(file, step_of(damaged=True)):
                pass
        else:
            loader.md5(file, step_of(damaged=True))
    assert free(loader) == everything


def test_a_block_that_is_copied_needs_one_slab_only(file: OpenFile) -> None:
    loader = Loader(1)
    held = loader.slabs.take((free(loader) - 1) * SLAB)
    assert loader.md5(file, step_of()) == MD5
    loader.slabs.give(held)
