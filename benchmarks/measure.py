"""Two commands in turn, A B A B …, with the operating system's own accounting of each run."""

import os
import shlex
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One finished run."""

    wall: float
    cpu: float
    """User and system seconds of the command and all it started."""
    memory: int
    """Peak resident bytes of its largest process."""


@dataclass(frozen=True)
class Contestant:
    """A command, what must happen before each run (not measured), and what it writes."""

    name: str
    command: Sequence[str]
    output: Path
    prepare: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Pair:
    """What a paired comparison found: medians, and medians of the ratios pair by pair."""

    ours: Contestant
    theirs: Contestant
    our_runs: tuple[Run, ...]
    their_runs: tuple[Run, ...]
    our_size: int
    their_size: int

    def ratio(self, figure: str) -> float:
        """Give the median of ours divided by theirs, pair by pair."""
        return statistics.median(
            getattr(a, figure) / getattr(b, figure)
            for a, b in zip(self.our_runs, self.their_runs, strict=True)
        )


def run(contestant: Contestant) -> Run:
    """Run it once; its output is thrown away, a failure ends the benchmark."""
    contestant.prepare()
    began = time.perf_counter()
    process = subprocess.Popen(contestant.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    assert process.stderr
    message = process.stderr.read().decode(errors="replace")
    process.stderr.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{shlex.join(contestant.command)} failed: {message}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def compare(ours: Contestant, theirs: Contestant, rounds: int) -> Pair:
    """Run both in turn after one warm-up each."""
    run(ours)
    run(theirs)
    runs = [(run(ours), run(theirs)) for _ in range(rounds)]
    our_runs, their_runs = zip(*runs, strict=True)
    sizes = (ours.output.stat().st_size, theirs.output.stat().st_size)
    return Pair(ours, theirs, our_runs, their_runs, *sizes)


def median(runs: Sequence[Run], figure: str) -> float:
    """Give the median of one figure."""
    return statistics.median(getattr(each, figure) for each in runs)
