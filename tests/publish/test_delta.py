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

HALF = bytes(range(64)) * 4


def compressible(source: random.Random, size: int) -> bytes:
    """Make bytes that compress to about two fifths, as programs do."""
    return b"".join(source.randbytes(102) + HALF[:154] for _ in range(size // 256))


def make_payload(folder: Path, files: int, average: int) -> None:
    """Write files of very different sizes into twenty folders; a package keeps two fifths of the bytes."""
    source = random.Random(4)
    for number in range(files):
        path = folder / f"part{number % 20:02}" / f"file{source.getrandbits(32):08x}.dat"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(compressible(source, source.randint(average // 6, average * 11 // 6)))


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


MEDIUM = {name: 0.03 for name, _ in CHANGES} | {"nothing": 0.005}
SMALL = {"nothing": 0.015, "another 1 %": 0.03}
"""A small file costs the segment that it shares, which is a larger part of a small payload."""


@pytest.mark.parametrize(("files", "average", "most"), [(400, 125_000, MEDIUM), (200, 10_000, SMALL)])
def test_a_changed_file_of_a_small_package_costs_little(
    tmp_path: Path, destination: Destination, files: int, average: int, most: dict[str, float]
) -> None:
    """A file of 1 % that changes costs at most 3 % of the bytes: of 20 MB, and of 1 MB."""
    payload = tmp_path / "payload"
    make_payload(payload, files, average)
    grow(payload)
    first = published(tmp_path, destination, "1.0.0")
    assert first.bytes_sent == first.bytes_total == pytest.approx(files * average * 0.42, rel=0.25)
    shares = {}
    for patch, (name, apply) in enumerate(CHANGES, 1):
        apply(payload)
        tally = published(tmp_path, destination, f"1.0.{patch}")
        shares[name] = tally.bytes_sent / tally.bytes_total
    too_much = {name: share for name, share in shares.items() if share > most.get(name, 1)}
    assert not too_much
