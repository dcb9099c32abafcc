"""A guard against regressions: CPU time as a ratio to the least work that could be done, never in seconds."""

import hashlib
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from vmpack.content import collect
from vmpack.manifest.model import Payload
from vmpack.package import write_package
from vmpack.package.cache import SegmentCache
from vmpack.package.model import Member, PackageRequest


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,000 files of 20 kB that compress about as source code does."""
    root = tmp_path_factory.mktemp("speed")
    rng = random.Random(5)
    words = [rng.randbytes(rng.randrange(1, 6)).hex() for _ in range(3000)]
    text = " ".join(rng.choices(words, k=300_000)).encode()
    for number in range(2000):
        folder = root / f"folder{number // 50}"
        folder.mkdir(exist_ok=True)
        start = rng.randrange(len(text) - 20_000)
        (folder / f"file{number}").write_bytes(text[start : start + 20_000])
        os.utime(folder / f"file{number}", (1e9, 1e9))
    return root


def cpu(work: Callable[[], object]) -> float:
    """Give the least CPU seconds of this process, all threads, out of nine runs."""
    spent = []
    for _ in range(9):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)


def build(tree: Path, out: Path, cache: SegmentCache | None = None) -> None:
    out.unlink(missing_ok=True)
    content = collect(Payload(root=str(tree)), tree, "linux")
    write_package(
        PackageRequest("linux", "tar.zst", 3, content, (Member("vmapp.json", b"{}"),)), out, cache=cache
    )


def least(tree: Path) -> None:
    """Read, hash and compress every file, and do nothing else."""
    compressor = zstandard.ZstdCompressor(level=3)
    pending = bytearray()
    for folder, _, names in os.walk(tree):
        for name in names:
            with open(f"{folder}/{name}", "rb", buffering=0) as file:
                data = file.read()
            hashlib.sha256(data).digest()
            pending += data
            if len(pending) > 512 << 10:  # as long as the segments of such a payload
                compressor.compress(pending)
                pending.clear()
    compressor.compress(pending)


@pytest.mark.slow
def test_a_build_costs_little_more_than_reading_hashing_and_compressing(tree: Path, tmp_path: Path) -> None:
    assert cpu(lambda: build(tree, tmp_path / "out")) < 1.6 * cpu(lambda: least(tree))


@pytest.mark.slow
def test_a_rebuild_costs_a_fraction(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vmpack.package.index.MARGIN_NS", -(10**12))
    cold = cpu(lambda: build(tree, tmp_path / "out"))
    cache = SegmentCache.open(tmp_path / "cache")
    assert cpu(lambda: build(tree, tmp_path / "out", cache)) < 0.4 * cold
