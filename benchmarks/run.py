"""`vmpack build` as a whole process against what a user would do instead, in pairs; and its cost as a curve.

    python benchmarks/run.py table [--rounds N] [--many FOLDER] [--few FOLDER] [--nfpm PATH] [--only REGEX]
    python benchmarks/run.py curve [--svg FILE]
    python benchmarks/run.py start [--rounds N]

Prints Markdown. Programs that are not installed are left out.
"""

import argparse
import compileall
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from curve import draw_curves
from measure import Contestant, Pair, compare, median

import vmpack

TAR = "tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C {tree} -cf - ."


def main() -> None:
    """Do what the command line says; all parts by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("part", nargs="?", choices=["table", "curve", "start", "all"], default="all")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--many", type=Path, default=Path(sys.base_prefix), help="a tree of many small files")
    parser.add_argument("--few", type=Path, default=_a_jdk(), help="a tree of few large files")
    parser.add_argument("--nfpm", default=shutil.which("nfpm"))
    parser.add_argument("--only", default="", help="a regular expression: rows to measure, by either name")
    parser.add_argument("--svg", type=Path, help="where the plot of the curve goes")
    options = parser.parse_args()
    print(_machine())
    # As pip does when it installs: otherwise the first runs would compile vmpack's own modules.
    compileall.compile_dir(Path(vmpack.__file__).parent, quiet=1)
    with tempfile.TemporaryDirectory(prefix="vmpack-bench-") as scratch:
        if options.part in {"table", "all"}:
            for name, tree in (("many small files", options.many), ("few large files", options.few)):
                if tree:
                    _table(name, tree, Path(scratch), options)
        if options.part in {"start", "all"}:
            _start_up(options.rounds)
        if options.part in {"curve", "all"}:
            draw_curves(Path(scratch), options.svg)


def _a_jdk() -> Path | None:
    found = sorted(Path("/usr/lib/jvm").glob("*/lib/modules"))
    return (
        Path(os.environ["JAVA_HOME"]) if "JAVA_HOME" in os.environ else found[0].parents[1] if found else None
    )


def _machine() -> str:
    cores = len(os.sched_getaffinity(0))
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    import zstandard
    from zlib_ng import zlib_ng

    versions = [
        f"Python {platform.python_version()}",
        f"zstandard {zstandard.__version__} (zstd {'.'.join(map(str, zstandard.ZSTD_VERSION))})",
        f"zlib-ng {zlib_ng.ZLIBNG_VERSION}",
        *(_version(program) for program in ("tar", "zstd", "pigz", "zip", "makeself")),
    ]
    return f"{cores} cores of {model}; " + ", ".join(filter(None, versions)) + "."


def _version(program: str) -> str:
    if shutil.which(program) is None:
        return ""
    shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    return next((line.strip("* ") for line in shown.splitlines() if any(map(str.isdigit, line))), program)


def _table(name: str, tree: Path, scratch: Path, options: argparse.Namespace) -> None:
    copy = scratch / name.replace(" ", "-")
    _copy_tree(tree, copy)
    files = [path for path in copy.rglob("*") if path.is_file() and not path.is_symlink()]
    size = sum(path.stat().st_size for path in files)
    print(f"\n### {name}: {len(files):,} files, {size / 1e6:,.0f} MB\n")
    print("| vmpack build | against | wall, s | CPU, s | wall ratio | CPU ratio | size ratio | memory, MiB |")
    print("|---|---|---|---|---|---|---|---|")
    for ours, theirs in _pairs(copy, scratch, options):
        if not re.search(options.only, f"{ours.name} against {theirs.name}"):
            continue
        print(_row(compare(ours, theirs, options.rounds)), flush=True)


def _start_up(rounds: int) -> None:
    """Compare short commands with an interpreter that does nothing."""
    program = str(Path(sys.executable).with_name("vmpack"))
    showcase = str(Path(__file__).parents[1] / "samples/status-page")
    nothing = Contestant("python -c pass", [sys.executable, "-c", "pass"], Path(sys.executable))
    print("\n| command | wall, ms | `python -c pass`, ms | ratio |\n|---|---|---|---|")
    for arguments in (["--version"], ["validate", showcase]):
        name = f"vmpack {arguments[0]}"
        pair = compare(Contestant(name, [program, *arguments], nothing.output), nothing, 5 * rounds)
        ours, theirs = (median(runs, "wall") * 1000 for runs in (pair.our_runs, pair.their_runs))
        print(f"| `{name}` | {ours:.0f} | {theirs:.0f} | **{pair.ratio('wall'):.1f}** |")


def _copy_tree(tree: Path, copy: Path) -> None:
    """Copy what can be packed for both systems: no links, and nothing that changes while we measure."""
    shutil.copytree(tree, copy, ignore_dangling_symlinks=True, symlinks=False)
    for path in copy.rglob("*"):
        if path.is_file():
            os.utime(path, (1_600_000_000, 1_600_000_000))
    # Until then a file might change again without its times telling, and vmpack trusts none of them.
    time.sleep(2.5)


def _row(pair: Pair) -> str:
    figures = [
        pair.ours.name,
        f"`{pair.theirs.name}`",
        f"{median(pair.our_runs, 'wall'):.2f} : {median(pair.their_runs, 'wall'):.2f}",
        f"{median(pair.our_runs, 'cpu'):.2f} : {median(pair.their_runs, 'cpu'):.2f}",
        f"**{pair.ratio('wall'):.2f}**",
        f"{pair.ratio('cpu'):.2f}",
        f"{pair.our_size / pair.their_size:.3f}",
        f"{median(pair.our_runs, 'memory') / 2**20:.0f}",
    ]
    return f"| {' | '.join(figures)} |"


def _pairs(tree: Path, scratch: Path, options: argparse.Namespace) -> Iterator[tuple[Contestant, Contestant]]:
    build = Builder(tree, scratch)
    zstd3 = _shell("tar \\| zstd -T0 -3", f"{TAR} | zstd -T0 -3 -qf -o {{out}}", tree, scratch)
    yield build("cold", "tar.zst", 3), zstd3
    yield build("nothing changed", "tar.zst", 3, cached=True), zstd3
    small = _small_file(tree)
    changed = build("one small file changed", "tar.zst", 3, cached=True, change=_change(small))
    yield changed, zstd3
    yield _floor(tree, scratch, "cold"), zstd3
    yield _floor(tree, scratch, "changed", small), zstd3
    yield changed, _floor(tree, scratch, "changed", small)
    zstd9 = _shell("tar \\| zstd -T0 -9", f"{TAR} | zstd -T0 -9 -qf -o {{out}}", tree, scratch)
    yield build("cold, level 9", "tar.zst", 9), zstd9
    if shutil.which("pigz"):
        yield (
            build("cold, tar.gz", "tar.gz", 6),
            _shell("tar \\| pigz", f"{TAR} | pigz -6 -n > {{out}}", tree, scratch),
        )
    if shutil.which("zip"):
        command = "rm -f {out}; cd {tree} && zip -q -r - . > {out}"
        yield build("cold, zip", "zip", 6), _shell("zip -r", command, tree, scratch)
    if options.nfpm:
        yield build("cold", "tar.zst", 3), _nfpm(tree, scratch, options.nfpm)
    if shutil.which("makeself"):
        command = "makeself --nox11 --sha256 {tree} {out} label ./install"
        yield build("cold, tar.gz", "tar.gz", 6), _shell("makeself --sha256", command, tree, scratch)


class Builder:
    """Makes contestants that run ``vmpack build`` on one tree."""

    def __init__(self, tree: Path, scratch: Path) -> None:
        self._tree = tree
        self._scratch = scratch

    def __call__(
        self,
        name: str,
        form: str,
        level: int,
        *,
        cached: bool = False,
        change: Callable[[], None] | None = None,
    ) -> Contestant:
        """Write a manifest and give the command; a cold build uses no cache."""
        folder = self._scratch / f"app-{form}-{level}"
        folder.mkdir(exist_ok=True)
        manifest = {
            "name": "bench",
            "version": "1.0.0",
            "os": "windows" if form == "zip" else "linux",
            "payload": {"root": str(self._tree), "format": form, "level": level},
            "installer": {"template": "archive", "params": {"destination": _destination(form)}},
        }
        (folder / "vmapp.json").write_text(json.dumps(manifest))
        dist = self._scratch / f"dist-{form}-{level}"
        program = Path(sys.executable).with_name("vmpack")
        command = [str(program), "build", str(folder), "-o", str(dist)]
        if not cached:
            command.append("--no-cache")
        os.environ["VMPACK_CACHE_DIR"] = str(self._scratch / "cache")
        package = dist / "bench" / "1.0.0" / ("bench.zip" if form == "zip" else "bench.tar")
        return Contestant(name, command, package, change or (lambda: None))


def _destination(form: str) -> str:
    return "C:\\Program Files\\bench" if form == "zip" else "/opt/bench"


def _small_file(tree: Path) -> Path:
    files = (path for path in tree.rglob("*") if path.is_file())
    return min(files, key=lambda path: abs(path.stat().st_size - 5000))


def _change(victim: Path) -> Callable[[], None]:
    count = iter(range(10**9))

    def change() -> None:
        """Append a line; the time is old, as after a checkout, so that the index may trust it next time."""
        with victim.open("a") as file:
            file.write(f"# {next(count)}\n")
        os.utime(victim, (1_600_000_000, 1_600_000_000))

    return change


def _shell(name: str, script: str, tree: Path, scratch: Path) -> Contestant:
    out = scratch / "peer"
    return Contestant(name, ["sh", "-c", script.format(tree=tree, out=out)], out)


def _floor(tree: Path, scratch: Path, kind: str, *more: Path) -> Contestant:
    """Give the program that does the least of such a build; see floor.py."""
    out = scratch / f"floor-{tree.name}"
    program = [sys.executable, str(Path(__file__).with_name("floor.py"))]

    def keep_one() -> None:
        """Let what the cold floor wrote be the package of an earlier build."""
        if kind == "changed" and not Path(f"{out}.before").exists():
            subprocess.run([*program, "cold", str(tree), str(out)], check=True)
            out.rename(f"{out}.before")
            subprocess.run([*program, "index", str(tree), str(out)], check=True)

    command = [*program, kind, str(tree), str(out), *map(str, more)]
    return Contestant(f"(the least of a {kind} build)", command, out, keep_one)


def _nfpm(tree: Path, scratch: Path, program: str) -> Contestant:
    config = scratch / "nfpm.yaml"
    config.write_text(
        "name: bench\narch: amd64\nversion: 1.0.0\nmaintainer: nobody <nobody@example.com>\ndescription: x\n"
        f"deb:\n  compression: zstd\ncontents:\n  - src: {tree}\n    dst: /opt/bench\n    type: tree\n"
    )
    out = scratch / "peer.deb"
    return Contestant(
        "nfpm, deb, zstd", [program, "package", "-f", str(config), "-p", "deb", "-t", str(out)], out
    )


if __name__ == "__main__":
    main()
