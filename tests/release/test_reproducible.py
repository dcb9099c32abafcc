"""Same inputs, same bytes: on another path, as another user, with another clock, locale, umask and core count."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

MakeApp = Callable[..., Path]


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def _build(app: Path, dist: Path, *, prefix: tuple[str, ...] = (), **environment: str) -> dict[str, str]:
    command = [*prefix, sys.executable, "-m", "vmpack", "build", str(app), "-o", str(dist), "--no-cache"]
    ran = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return _digests(dist / "hello" / "1.2.0")


@pytest.fixture
def app(make_app: MakeApp) -> Path:
    app = make_app(
        {"bin/hello": "#!/bin/sh\necho hello\n", "share/ä ö": "umlauts", "data": os.urandom(3_000_000)},
        config={"file": "files/bin/hello", "fileName": "hello.conf"},
    )
    (app / "files" / "link").symlink_to("bin/hello")
    return app


def test_another_place_and_other_file_times_change_nothing(app: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "deeper"
    shutil.copytree(app, copy, symlinks=True)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    assert _build(app, tmp_path / "one") == _build(copy, tmp_path / "two")


def test_locale_zone_umask_hash_seed_and_home_change_nothing(app: Path, tmp_path: Path) -> None:
    one = _build(app, tmp_path / "one", LANG="C", TZ="UTC", PYTHONHASHSEED="1", LC_ALL="C")
    other = _build(
        app,
        tmp_path / "two",
        prefix=("sh", "-c", 'umask 077; exec "$@"', "sh"),
        LANG="tr_TR.UTF-8",
        LC_ALL="C.UTF-8",
        TZ="Pacific/Kiritimati",
        PYTHONHASHSEED="2",
        HOME=str(tmp_path),
        USER="somebody",
    )
    assert one == other


def test_the_number_of_cores_changes_nothing(app: Path, tmp_path: Path) -> None:
    if shutil.which("taskset") is None:
        pytest.skip("taskset is not installed")
    one = _build(app, tmp_path / "one", prefix=("taskset", "-c", str(min(os.sched_getaffinity(0)))))
    assert one == _build(app, tmp_path / "two")


def test_another_user_changes_nothing(app: Path, tmp_path: Path) -> None:
    nobody = ("unshare", "--user")
    if shutil.which("unshare") is None or subprocess.run([*nobody, "true"], check=False).returncode != 0:
        pytest.skip("this kernel lets nobody make a user namespace")
    mine = _build(app, tmp_path / "one")
    assert mine == _build(app, tmp_path / "two", prefix=nobody, HOME="/nowhere", USER="nobody")


def test_another_clock_changes_nothing(app: Path, tmp_path: Path) -> None:
    now = _build(app, tmp_path / "one")
    script = tmp_path / "sitecustomize.py"
    script.write_text("import time\n_real = time.time\ntime.time = lambda: _real() + 400 * 86400\n")
    assert now == _build(app, tmp_path / "two", PYTHONPATH=str(tmp_path))
