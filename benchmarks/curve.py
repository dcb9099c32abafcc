"""The cost of a cold build over the number of files and over their size, as two curves in one small SVG."""

import math
import os
import random
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from measure import Contestant, Run, run

COUNTS = (1000, 3000, 10_000, 30_000, 100_000)
SIZES = (10, 30, 100, 300, 1000)
"""Megabytes."""
_WIDTH, _HEIGHT, _MARGIN = 300, 220, 45

CODE = """
import sys
from pathlib import Path
from vmpack.content import collect
from vmpack.manifest.model import Payload
from vmpack.package import write_package
from vmpack.package.model import Member, PackageRequest
root, out = Path(sys.argv[1]), Path(sys.argv[2])
content = collect(Payload(root=str(root)), root, "linux")
write_package(PackageRequest("linux", "tar.zst", None, content, (Member("vmapp.json", b"{}"),)), out)
"""


def draw_curves(scratch: Path, svg: Path | None) -> None:
    """Measure, print a table, and write the plot."""
    by_count = [(count, _best(_many(scratch, count), scratch)) for count in COUNTS]
    by_size = [(size, _best(_big(scratch, size), scratch)) for size in SIZES]
    for label, rows in (("files of 2 kB", by_count), ("MB in files of 1 MB", by_size)):
        print(f"\n| {label} | CPU, s | CPU per unit, µs | memory, MiB |\n|---|---|---|---|")
        for x, each in rows:
            print(f"| {x:,} | {each.cpu:.2f} | {each.cpu / x * 1e6:,.0f} | {each.memory / 2**20:.0f} |")
    if svg:
        svg.write_text(_plot(by_count, by_size))


def _best(tree: Path, scratch: Path) -> Run:
    out = scratch / "curve.tar"

    def clear() -> None:
        out.unlink(missing_ok=True)

    contestant = Contestant("", [sys.executable, "-c", CODE, str(tree), str(out)], out, clear)
    best = min((run(contestant) for _ in range(3)), key=lambda each: each.cpu)
    shutil.rmtree(tree)
    return best


def _words(size: int, seed: int) -> bytes:
    rng = random.Random(seed)
    words = [rng.randbytes(rng.randrange(2, 9)).hex() for _ in range(500)]
    return " ".join(rng.choices(words, k=size // 8)).encode().ljust(size, b"\n")[:size]


def _many(scratch: Path, count: int) -> Path:
    tree = scratch / "curve"
    text = _words(1 << 20, 1)
    for number in range(count):
        folder = tree / f"folder{number // 100}"
        if number % 100 == 0:
            folder.mkdir(parents=True)
        start = number * 997 % (len(text) - 2000)
        (folder / f"file{number}").write_bytes(text[start : start + 2000])
    return tree


def _big(scratch: Path, megabytes: int) -> Path:
    tree = scratch / "curve"
    tree.mkdir()
    text = _words(4 << 20, 2)
    for number in range(megabytes):
        start = number * 99_991 % (3 << 20)
        (tree / f"file{number}").write_bytes(os.urandom(100_000) + text[start : start + 900_000])
    return tree


def _plot(by_count: Sequence[tuple[int, Run]], by_size: Sequence[tuple[int, Run]]) -> str:
    panels = [_panel(by_count, "files of 2 kB", 0), _panel(by_size, "MB in files of 1 MB", _WIDTH)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * _WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="10"><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(panels)}</svg>\n"
    )


def _panel(rows: Sequence[tuple[int, Run]], label: str, left: int) -> str:
    """Draw one curve on logarithmic axes, with the straight line that linear cost would be through its end."""
    low_x, high_x = math.log10(rows[0][0]), math.log10(rows[-1][0])
    costs = [each.cpu for _, each in rows]
    low_y, high_y = math.log10(min(costs) / 1.5), math.log10(max(costs) * 1.5)

    def at(x: float, y: float) -> tuple[float, float]:
        across = left + _MARGIN + (math.log10(x) - low_x) / (high_x - low_x) * (_WIDTH - _MARGIN - 20)
        up = (math.log10(y) - low_y) / (high_y - low_y) * (_HEIGHT - _MARGIN - 20)
        return round(across, 1), round(_HEIGHT - _MARGIN - up, 1)

    points = [at(x, each.cpu) for x, each in rows]
    line = " ".join(f"{x},{y}" for x, y in points)
    last_x, last_cost = rows[-1][0], costs[-1]
    start = max(rows[0][0], last_x * 10**low_y / last_cost)
    (x1, y1), (x2, y2) = at(start, last_cost * start / last_x), at(last_x, last_cost)
    marks = "".join(f'<circle cx="{x}" cy="{y}" r="3" fill="#06c"/>' for x, y in points)
    values = "".join(
        f'<text x="{x}" y="{_HEIGHT - _MARGIN + 14}" text-anchor="middle">{value:,}</text>'
        f'<text x="{x - 5}" y="{y - 6}" text-anchor="end">{each.cpu:.2f} s</text>'
        for (x, y), (value, each) in zip(points, rows, strict=True)
    )
    middle = left + _WIDTH / 2
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#999" stroke-dasharray="4"/>'
        f'<polyline points="{line}" fill="none" stroke="#06c" stroke-width="1.5"/>{marks}{values}'
        f'<text x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle">{label} (CPU seconds; dashes: linear)</text>'
    )
