"""Builds after a small change, whose frames are copied from the cache."""

import hashlib
import shutil
from pathlib import Path

import pytest

from vmpack.errors import BuildError
from vmpack.package import source
from vmpack.package.cache import SegmentCache


@pytest.fixture
def tree(tmp_path: Path, many_files: Path) -> Path:
    root = tmp_path / "tree"
    shutil.copytree(many_files, root)
    return root


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files count as unchanged at once."""
    monkeypatch.setattr("vmpack.package.index.MARGIN_NS", -(10**12))


def rewrite(path: Path) -> None:
    path.write_bytes(path.read_bytes()[::-1] + b"more")


@pytest.mark.parametrize("form", ["tar.zst", "zip"])
def test_a_file_that_went_costs_its_segment(pack, tree, cache, form):
    pack(tree, form, cache=cache)
    (tree / "d3" / "file10").unlink()
    again = pack(tree, form, cache=cache)
    assert again.segments.total - again.segments.reused <= 2
    assert again.sha256 == pack(tree, form).sha256


@pytest.mark.parametrize("form", ["tar.zst", "zip"])
def test_observers_get_bytes_that_last(pack, tree, cache, form):
    pack(tree, form, cache=cache)
    rewrite(tree / "d3" / "file10")
    seen = []
    again = pack(tree, form, cache=cache, observer=lambda block, data: seen.append((block, data)))
    assert again.segments.reused
    assert [hashlib.sha256(data).hexdigest() for _, data in seen] == [block.sha256 for block, _ in seen]


def test_the_second_change_of_the_same_file_is_seen(pack, tree, cache):
    pack(tree, cache=cache)
    for _ in range(2):
        rewrite(tree / "d3" / "file10")
        again = pack(tree, cache=cache)
        assert again.segments.total - again.segments.reused == 1
        assert again.sha256 == pack(tree).sha256


def test_pruning_spares_the_frames_of_the_build_that_goes_on(pack, tree, cache, tmp_path):
    first = pack(tree, cache=cache)
    size = cache.stats().size
    rewrite(tree / "d3" / "file10")
    # Full to the brim: the one new frame makes it prune while the others are being read.
    again = pack(tree, cache=SegmentCache.open(tmp_path / "cache", size))
    assert (again.segments.total, again.segments.reused) == (first.segments.total, first.segments.total - 1)
    assert cache.stats().size <= size
    assert again.sha256 == pack(tree).sha256


def test_a_change_while_it_is_packed_is_refused(pack, tree, cache, tmp_path, monkeypatch):
    pack(tree, cache=cache)
    changed = tree / "d3" / "file10"
    rewrite(changed)
    beside = next(path for path in sorted(changed.parent.iterdir()) if path != changed)
    really = source.open_source

    def late(path: str) -> int:
        if path.endswith(beside.name):
            rewrite(beside)
        return really(path)

    monkeypatch.setattr(source, "open_source", late)
    with pytest.raises(BuildError, match="changed while it was packed"):
        pack(tree, cache=cache)
    assert not (tmp_path / "out.tar.zst").exists()
