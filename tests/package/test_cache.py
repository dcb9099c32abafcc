import hashlib
import os
import shutil
import threading
from pathlib import Path

import pytest

from vmpack.package import cache as cache_module
from vmpack.package import source
from vmpack.package.archive import Frame
from vmpack.package.cache import SegmentCache
from vmpack.package.frames import sealed

FORMS = ["tar.zst", "tar.gz", "tar"]


@pytest.fixture
def tree(tmp_path: Path, many_files: Path) -> Path:
    """A payload of several segments, all of it long unchanged, with one large file."""
    root = tmp_path / "tree"
    shutil.copytree(many_files, root)
    (root / "large").write_bytes(os.urandom(20 << 20))
    return root


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files count as unchanged at once: without it an index trusts only what is two seconds old."""
    monkeypatch.setattr("vmpack.package.index.MARGIN_NS", -(10**12))


@pytest.fixture
def read_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are opened."""
    opened: list[str] = []
    really = source.open_source

    def spy(path: str) -> int:
        opened.append(os.path.basename(path))
        return really(path)

    monkeypatch.setattr("vmpack.package.source.open_source", spy)
    monkeypatch.setattr("vmpack.package.large.open_source", spy)
    return opened


@pytest.mark.parametrize("form", [*FORMS, "zip"])
def test_it_never_changes_a_byte(pack, tree, cache, form):
    plain = pack(tree, form)
    first = pack(tree, form, cache=cache)
    second = pack(tree, form, cache=cache)
    assert plain.sha256 == first.sha256 == second.sha256
    assert plain.blocks == second.blocks
    assert (first.segments.reused, second.segments.reused) == (0, second.segments.total)


def test_unchanged_files_are_not_even_opened(pack, tree, cache, settled, read_files):
    pack(tree, cache=cache)
    assert len(read_files) == 301
    read_files.clear()
    pack(tree, cache=cache)
    assert read_files == []


def test_one_changed_file_costs_one_segment(pack, tree, cache, settled):
    pack(tree, cache=cache)
    changed = tree / "d3" / "file10"
    changed.write_bytes(changed.read_bytes()[::-1])
    again = pack(tree, cache=cache)
    assert again.segments.total - again.segments.reused == 1
    assert again.sha256 == pack(tree).sha256


@pytest.mark.parametrize("form", [*FORMS, "zip"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("changes", [("d0/file1",), ("d0/file1", "d6/file13"), ("d0/new",), ("large",)])
def test_a_rebuild_after_changes_gives_the_bytes_of_a_first_build(
    pack, tree, cache, settled, tmp_path, form, threads, changes
):
    pack(tree, form, cache=cache)
    for name in changes:
        with (tree / name).open("ab") as file:
            file.write(b"more")
    again = pack(tree, form, cache=cache, threads=threads)
    data = (tmp_path / f"out.{form}").read_bytes()
    assert again.sha256 == hashlib.sha256(data).hexdigest()
    plain = pack(tree, form)
    assert (again.sha256, again.blocks) == (plain.sha256, plain.blocks)
    assert again.segments.reused > 0


def test_a_frame_that_is_damaged_behind_its_header_does_not_mislead_the_digest(
    pack, tree, cache, settled, tmp_path
):
    good = pack(tree, cache=cache)
    for path in (tmp_path / "cache" / "frames").rglob("*"):
        if path.is_file() and path.stat().st_size > 100_000:
            data = bytearray(path.read_bytes())
            data[-1] ^= 1
            path.write_bytes(data)
    again = pack(tree, cache=cache)
    assert (again.sha256, again.blocks) == (good.sha256, good.blocks)
    assert again.sha256 == hashlib.sha256((tmp_path / "out.tar.zst").read_bytes()).hexdigest()


def test_a_moved_tree_is_read_but_not_compressed(pack, tree, cache, settled):
    pack(tree, cache=cache)
    moved = tree.rename(tree.with_name("moved"))
    segments = pack(moved, cache=cache).segments
    assert segments.reused == segments.total


def test_a_change_of_the_same_size_within_the_same_second_is_seen(pack, tmp_path, cache):
    """Without waiting: the index must not trust a file as young as this one."""
    root = tmp_path / "young"
    root.mkdir()
    (root / "file").write_text("before")
    status = (root / "file").stat()
    pack(root, cache=cache)
    (root / "file").write_text("behind")
    os.utime(root / "file", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert pack(root, cache=cache).sha256 == pack(root).sha256


def test_level_format_and_time_have_frames_of_their_own(pack, tree, cache):
    pack(tree, cache=cache)
    for options in ({"level": 5}, {"mtime": 5}, {"form": "tar.gz"}):
        assert pack(tree, cache=cache, **options).segments.reused == 0


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "foreign"])
def test_damaged_frames_are_made_again_and_replaced(pack, tree, cache, tmp_path, settled, damage):
    good = pack(tree, cache=cache)
    frames = [path for path in (tmp_path / "cache" / "frames").rglob("*") if path.is_file()]
    for path in frames:
        data = bytearray(path.read_bytes())
        if damage == "flip":
            data[len(data) // 2] ^= 1
        elif damage == "foreign":
            data = bytearray(frames[0].read_bytes()) if path != frames[0] else bytearray(b"x" * 100)
        path.write_bytes({"truncate": data[:-1], "empty": b""}.get(damage, data))
    again = pack(tree, cache=cache)
    assert again.sha256 == good.sha256
    assert again.segments.reused <= 1
    assert pack(tree, cache=cache).segments.reused == good.segments.total


def test_a_damaged_index_is_an_empty_one(pack, tree, cache, tmp_path, settled, read_files):
    good = pack(tree, cache=cache)
    for path in (tmp_path / "cache" / "index").iterdir():
        data = bytearray(path.read_bytes())
        data[100] ^= 1
        path.write_bytes(data)
    read_files.clear()
    assert pack(tree, cache=cache).sha256 == good.sha256
    assert len(read_files) == 301


def test_a_frame_that_is_gone_while_the_index_knows_the_file(pack, tree, cache, tmp_path, settled):
    good = pack(tree, cache=cache)
    for number, path in enumerate(sorted((tmp_path / "cache" / "frames").rglob("??*"))):
        if path.is_file() and number % 2:
            path.unlink()
    assert pack(tree, cache=cache).sha256 == good.sha256


def test_a_folder_that_cannot_be_written_does_no_harm(pack, tree, tmp_path):
    (tmp_path / "cache" / "frames").parent.mkdir()
    (tmp_path / "cache" / "frames").write_text("in the way")
    (tmp_path / "cache" / "index").write_text("in the way")
    assert pack(tree, cache=SegmentCache.open(tmp_path / "cache")).sha256 == pack(tree).sha256


def test_several_builds_at_once(pack, tree, cache, tmp_path):
    digests: list[str] = []
    threads = [
        threading.Thread(
            target=lambda n=n: digests.append(pack(tree, cache=cache, out=tmp_path / f"out{n}").sha256)
        )
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert digests == [pack(tree).sha256] * 4


def test_the_oldest_goes_first_and_the_limit_is_kept(tmp_path):
    cache = SegmentCache.open(tmp_path / "cache", limit_bytes=10_000)
    keys = [bytes([number]) * 32 for number in range(10)]
    for number, key in enumerate(keys):
        cache.put(key, sealed(Frame(bytes(2000))))
        path = tmp_path / "cache" / "frames" / key.hex()[:2] / key.hex()[2:]
        os.utime(path, (1000 + number, 1000 + number))
    assert cache.get(keys[0]) is not None  # used: now the youngest
    assert cache.stats().frames == 10
    freed = cache.prune()
    assert freed > 0
    assert cache.stats().size <= 10_000
    assert [cache.get(key) is not None for key in keys] == [True, *[False] * 7, *[True] * 2]
    assert cache.prune() == 0


def test_a_build_keeps_the_limit(pack, tree, tmp_path):
    cache = SegmentCache.open(tmp_path / "cache", limit_bytes=1_000_000)
    pack(tree, cache=cache)
    assert cache.stats().size <= 1_000_000


def test_what_killed_writers_left_counts_and_goes(tmp_path):
    cache = SegmentCache.open(tmp_path / "cache", limit_bytes=100)
    (tmp_path / "cache" / "frames" / "ab").mkdir(parents=True)
    (tmp_path / "cache" / "frames" / "ab" / "cd.123456.tmp").write_bytes(bytes(1000))
    assert cache.stats().size == 1000
    cache.prune()
    assert cache.stats().size == 0


def test_clear_removes_everything(pack, tree, cache):
    pack(tree, cache=cache)
    freed = cache.clear()
    assert freed > 1_000_000
    assert cache.stats().size == 0


def test_the_default_limit_is_two_gibibytes(tmp_path):
    assert SegmentCache.open(tmp_path / "cache").stats().limit == cache_module.DEFAULT_LIMIT == 2 << 30
