"""Blocks as bodies: read while they are sent, from the first byte on with each attempt, and hashed where need be."""

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from publish_support import chunks

from vmpack.errors import PublishError
from vmpack.publish.blocks import block_id
from vmpack.publish.body import PIECE, FileBody, Hasher
from vmpack.publish.files import OpenFile, opened_file
from vmpack.publish.model import Part, Step
from vmpack.release.model import Artifact

PARTS = [*chunks(1, 3, PIECE), b"x"]
WHOLE = b"".join(PARTS)
DATA = b"in front" + WHOLE
MD5 = hashlib.md5(WHOLE, usedforsecurity=False).digest()


def step_of(*, damaged: bool = False) -> Step:
    parts = []
    offset = len("in front")
    for data in PARTS:
        built = b"other bytes" if damaged and data == PARTS[2] else data
        parts.append(Part(offset, len(data), hashlib.sha256(built).hexdigest()))
        offset += len(data)
    return Step("send", block_id(parts), tuple(parts), "")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x.tar"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def file(path: Path) -> Iterator[OpenFile]:
    with opened_file(Artifact(path, path.name, len(DATA), "")) as file:
        yield file


def sent(body: FileBody) -> bytes:
    return b"".join(map(bytes, body.pieces()))


def test_a_body_is_the_block_and_nothing_else(file: OpenFile) -> None:
    body = FileBody(file, step_of())
    assert len(body) == len(WHOLE)
    assert sent(body) == WHOLE


def test_every_attempt_begins_at_the_first_byte(file: OpenFile) -> None:
    body = FileBody(file, step_of())
    for _ in range(3):
        given_up = body.pieces()
        assert bytes(next(given_up)) == WHOLE[:PIECE]
        given_up.close()
        assert sent(body) == WHOLE


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
    body = FileBody(file, step_of(), progress)
    given_up = body.pieces()
    next(given_up)
    next(given_up)
    assert progress.at == PIECE
    given_up.close()
    places = [progress.at for _ in body.pieces()]
    assert places[:2] == [0, PIECE]
    assert progress.at == len(WHOLE)


def test_a_file_that_was_cut_off_is_named(file: OpenFile, path: Path) -> None:
    path.write_bytes(DATA[:PIECE])
    with pytest.raises(PublishError, match="changed since the release was built") as caught:
        sent(FileBody(file, step_of()))
    assert caught.value.where == str(path)


def test_threads_do_not_share_their_pieces(file: OpenFile) -> None:
    together = threading.Barrier(4)

    def slowly(_number: int) -> bytes:
        pieces = []
        for piece in FileBody(file, step_of()).pieces():
            together.wait(10)
            pieces.append(bytes(piece))
        return b"".join(pieces)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(slowly, range(4))) == [WHOLE] * 4


def test_a_block_is_hashed_over_all_its_parts(file: OpenFile) -> None:
    assert Hasher().md5(file, step_of()) == MD5


def test_damage_is_found_while_hashing(file: OpenFile, path: Path) -> None:
    with pytest.raises(PublishError, match="changed since the release was built") as caught:
        Hasher().md5(file, step_of(damaged=True))
    assert caught.value.where == str(path)
