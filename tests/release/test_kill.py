"""Killed at any moment, the release folder is whole or absent."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from vmpack.release.report import load
from vmpack.release.verify import verify

MakeApp = Callable[..., Path]
KILLS = 25


def _build(app: Path, dist: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "vmpack", "build", str(app), "-o", str(dist), "--no-cache"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.slow
def test_a_release_is_whole_or_absent_whenever_the_build_is_killed(make_app: MakeApp, tmp_path: Path) -> None:
    dice = random.Random(20261123)
    app = make_app({f"f{n}": dice.randbytes(200_000) for n in range(40)})
    dist = tmp_path / "dist"
    release = dist / "hello" / "1.2.0"
    whole = _build(app, tmp_path / "whole")
    began = os.times().elapsed
    assert whole.wait() == 0
    duration = os.times().elapsed - began

    killed = 0
    for number in range(KILLS):
        # Every other round a whole old release of other content stands there and must survive as a whole.
        (app / "files" / "round").write_text(str(number))
        build = _build(app, dist)
        timer = threading.Timer(dice.uniform(0.0, duration * 1.1), build.kill)
        timer.start()
        killed += build.wait() == -signal.SIGKILL
        timer.cancel()
        timer.join()
        if release.exists():
            assert verify(load(release)) == ()
            names = {path.name for path in release.iterdir()}
            assert names == {"SHA256SUMS", "build.json", "version.json", "hello.tar"}
    assert killed > KILLS // 4
    assert _build(app, dist).wait() == 0
    assert json.loads((release / "build.json").read_text())["name"] == "hello"
