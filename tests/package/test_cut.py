import random
from pathlib import Path

import pytest

from vmpack.content.model import Entry
from vmpack.package.cut import find_cut
from vmpack.package.large import LargeFile

MAXIMUM = 12 << 20
rng = random.Random(3)
WORDS = [b"%d\n" % rng.randrange(10**9) for _ in range(50_000)]
CONTENTS = {
    "random": rng.randbytes(30 << 20),
    "text": b"".join(rng.choices(WORDS, k=3_000_000))[: 30 << 20],
}


def pieces(folder: Path, data: bytes) -> list[bytes]:
    path = folder / "file"
    path.write_bytes(data)
    file = LargeFile(str(folder), Entry("file", "file", 0o644, len(data)), MAXIMUM)
    buffer = memoryview(bytearray(MAXIMUM))
    found = []
    while not file.at_end:
        piece = file.next_piece(buffer)
        found.append(bytes(buffer[: piece.end - piece.start]))
    file.close()
    return found


@pytest.mark.parametrize("kind", CONTENTS)
def test_pieces_are_the_file_and_keep_their_bounds(tmp_path: Path, kind: str) -> None:
    data = CONTENTS[kind]
    found = pieces(tmp_path, data)
    assert b"".join(found) == data
    assert all(MAXIMUM // 2 <= len(piece) <= 5 * MAXIMUM // 8 for piece in found[:-1])


@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize("place", [0, 5 << 20])
def test_bytes_inserted_near_the_start_change_few_pieces(tmp_path: Path, kind: str, place: int) -> None:
    data = CONTENTS[kind]
    before = pieces(tmp_path, data)
    after = pieces(tmp_path, data[:place] + b"inserted bytes" + data[place:])
    assert len(before) >= 4
    assert len(set(after) - set(before)) <= 2


@pytest.mark.parametrize("window", [b"", bytes(1 << 20), b"abc" * 1000, b"\xff" * 100, b"\n" * 100_000])
def test_content_without_a_choice_is_cut_at_the_end(window: bytes) -> None:
    assert find_cut(window) == len(window)


def test_the_cut_lies_behind_a_delimiter() -> None:
    window = CONTENTS["text"][: 1 << 16]
    assert window[find_cut(window) - 1 : find_cut(window)] == b"7"
