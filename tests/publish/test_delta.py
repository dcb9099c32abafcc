"""What a second version of a small package costs, with packages of the real builder."""

import json
import random
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from publish_support import QUICK_OPTIONS

from vmpack import manifest
from vmpack.publish.destination import Destination
from vmpack.publish.model import Tally
from vmpack.publish.run import publish
from vmpack.release.build import BuildOptions, build

pytestmark = pytest.mark.azurite

FILES = 400
HALF = bytes(range(64)) * 4


def compressible(source: random.Random, size: int) -> bytes:
    """Make bytes that compress to about two fifths, as programs do."""
    return b"".join(source.randbytes(102) + HALF[:154] for _ in range(size // 256))


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    """Four hundred files of 20 to 230 KB in twenty folders: 50 MB, of which a package keeps about 20."""
    source = random.Random(4)
    folder = tmp_path / "payload"
    for number in range(FILES):
        path = folder / f"part{number % 20:02}" / f"file{source.getrandbits(32):08x}.dat"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(compressible(source, source.randint(20_000, 230_000)))
    return folder


def published(folder: Path, destination: Destination, version: str) -> Tally:
    """Build and publish one version of the payload."""
    text = {
        "name": "delta",
        "version": version,
        "os": "linux",
        "location": "westeurope",
        "payload": {"root": "payload"},
        "installer": {"template": "archive", "params": {"destination": "/opt/delta"}},
    }
    (folder / "vmapp.json").write_text(json.dumps(text))
    options = BuildOptions(folder / "dist", date(2026, 11, 23))
    return publish(build(manifest.load(folder, {}), options).release, destination, QUICK_OPTIONS).tally


def change(payload: Path, share: float) -> None:
    """Give the file that is nearest to this share of the payload other bytes, which compress as before."""
    files = [path for path in payload.rglob("*") if path.is_file()]
    wanted = share * sum(path.stat().st_size for path in files)
    path = min(files, key=lambda path: abs(path.stat().st_size - wanted))
    path.write_bytes(compressible(random.Random(path.name), path.stat().st_size))


def grow(payload: Path) -> None:
    """Make one file of a hundredth of everything out of a smaller one."""
    first = min(payload.rglob("*.dat"))
    total = sum(path.stat().st_size for path in payload.rglob("*") if path.is_file())
    first.write_bytes(compressible(random.Random(7), total // 100))


CHANGES: list[tuple[str, Callable[[Path], None]]] = [
    ("nothing", lambda _payload: None),
    ("another 1 %", lambda payload: change(payload, 0.01)),
    ("a small file", lambda payload: change(payload, 0.001)),
    ("a file added", lambda payload: (payload / "part07/added.dat").write_bytes(bytes(500))),
    ("a file removed", lambda payload: min((payload / "part11").iterdir()).unlink()),
]


def test_a_changed_file_of_a_small_package_costs_little(
    tmp_path: Path, payload: Path, destination: Destination
) -> None:
    """A file of 1 % that changes costs at most 3 % of the bytes."""
    grow(payload)
    first = published(tmp_path, destination, "1.0.0")
    assert 15_000_000 < first.bytes_sent == first.bytes_total < 25_000_000
    shares = {}
    for patch, (name, apply) in enumerate(CHANGES, 1):
        apply(payload)
        tally = published(tmp_path, destination, f"1.0.{patch}")
        shares[name] = tally.bytes_sent / tally.bytes_total
    assert max(shares.values()) <= 0.03, shares
    assert shares["nothing"] <= 0.005
