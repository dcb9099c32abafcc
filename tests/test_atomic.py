import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vmpack.atomic import replaced_folder


def test_the_folder_appears_only_when_the_block_has_ended(tmp_path: Path) -> None:
    final = tmp_path / "dist" / "1.0.0"
    with replaced_folder(final) as folder:
        (folder / "a").write_text("a")
        assert not final.exists()
    assert (final / "a").read_text() == "a"
    assert os.listdir(final.parent) == ["1.0.0"]


def test_an_existing_folder_is_exchanged_as_a_whole(tmp_path: Path) -> None:
    final = tmp_path / "1.0.0"
    final.mkdir()
    (final / "old").write_text("old")
    with replaced_folder(final) as folder:
        (folder / "new").write_text("new")
        assert (final / "old").exists()
    assert os.listdir(final) == ["new"]
    assert os.listdir(tmp_path) == ["1.0.0"]


def test_after_an_error_nothing_is_left_behind(tmp_path: Path) -> None:
    final = tmp_path / "dist" / "app" / "1.0.0"
    with pytest.raises(RuntimeError), replaced_folder(final) as folder:
        (folder / "half").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_after_an_error_the_old_folder_stands(tmp_path: Path) -> None:
    final = tmp_path / "1.0.0"
    final.mkdir()
    (final / "old").write_text("old")
    with pytest.raises(RuntimeError), replaced_folder(final):
        raise RuntimeError
    assert (final / "old").read_text() == "old"


def test_without_an_atomic_exchange_two_renames_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vmpack.atomic._renameat2_exchange", lambda *_: False)
    final = tmp_path / "1.0.0"
    final.mkdir()
    (final / "old").write_text("old")
    with replaced_folder(final) as folder:
        (folder / "new").write_text("new")
    assert os.listdir(final) == ["new"]
    assert os.listdir(tmp_path) == ["1.0.0"]


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    final = tmp_path / "1.0.0"
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom vmpack.atomic import replaced_folder\n"
        "with replaced_folder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'half').write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(final)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not final.exists()
    (abandoned,) = tmp_path.iterdir()
    os.utime(abandoned, (0, 0))
    with replaced_folder(final) as folder:
        (folder / "whole").write_text("whole")
    assert os.listdir(tmp_path) == ["1.0.0"]


def test_the_folder_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    with replaced_folder(tmp_path / "one") as first:
        os.utime(first, (0, 0))
        with replaced_folder(tmp_path / "two"):
            assert first.is_dir()
    assert sorted(os.listdir(tmp_path)) == ["one", "two"]


@pytest.mark.parametrize("make", [lambda path: path.write_text("mine"), lambda path: path.symlink_to("/tmp")])
def test_what_is_no_folder_is_refused_before_anything_is_done(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    final = tmp_path / "release"
    make(final)
    with pytest.raises(NotADirectoryError) as refused, replaced_folder(final):
        pytest.fail("the block ran")
    assert refused.value.filename == str(final)
    assert list(tmp_path.iterdir()) == [final]
