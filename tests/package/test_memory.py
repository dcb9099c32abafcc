"""Bounded memory, measured by the system in a process of its own."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

MEBIBYTE = 1 << 20
pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
CODE = """
import sys
from pathlib import Path
from vmpack.content import collect
from vmpack.manifest.model import Payload
from vmpack.package import write_package
from vmpack.package.cache import SegmentCache
from vmpack.package.model import Member, PackageRequest
root, out, form = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
content = collect(Payload(root=str(root)), root, "linux")
request = PackageRequest("linux", form, None, content, (Member("vmapp.json", b"{}"),), limit=1 << 31)
write_package(request, out, cache=SegmentCache.open(out.parent / "cache"))
# Not getrusage: its maximum is inherited from the process that started this one.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
sys.stdout.write(status["VmHWM"].split()[0])
"""


def peak(root: Path, out: Path, form: str) -> int:
    """Give the peak resident memory of a build in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, root, out, form], capture_output=True, text=True, check=True
    )
    return int(done.stdout) * 1024


@pytest.mark.slow
@pytest.mark.parametrize("form", ["tar.zst", "zip"])
def test_a_gigabyte_is_packed_in_150_mebibytes(tmp_path: Path, form: str) -> None:
    root = tmp_path / "payload"
    root.mkdir()
    noise = random.Random(4).randbytes(4 * MEBIBYTE)
    for number in range(20):
        (root / f"noise{number}").write_bytes(noise[number:])
    with (root / "large").open("wb") as file:
        file.write(noise * 8)
    os.truncate(root / "large", 900 * MEBIBYTE)
    assert peak(root, tmp_path / "out", form) < 150 * MEBIBYTE


@pytest.mark.slow
def test_many_files_are_packed_in_150_mebibytes(tmp_path: Path) -> None:
    for folder in range(100):
        (tmp_path / "payload" / f"folder{folder}").mkdir(parents=True)
        for number in range(500):
            (tmp_path / "payload" / f"folder{folder}" / f"some-file-name-{number}.txt").touch()
    assert peak(tmp_path / "payload", tmp_path / "out", "tar.zst") < 130 * MEBIBYTE
