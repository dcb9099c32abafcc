"""Several releases side by side, but never two versions of one application at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from vmpack.errors import VmpackError
from vmpack.progress import Progress
from vmpack.publish.destination import Destination
from vmpack.publish.model import Published
from vmpack.publish.run import PublishOptions, publish
from vmpack.publish.wire import Wire
from vmpack.release.model import Release
from vmpack.values import dataclass, replace


@dataclass(frozen=True, slots=True)
class Job:
    """One release and where it goes."""

    release: Release
    destination: Destination


def publish_many(
    jobs: Sequence[Job], options: PublishOptions, parallel: int = 3
) -> list[Published | VmpackError]:
    """Publish several releases side by side, in the order given; versions of one application one after another.

    An error of one does not stop the others; it stands in its place in the result.
    """
    queues: dict[str, list[int]] = {}
    for index in sorted(range(len(jobs)), key=lambda i: _version_key(jobs[i].release.version)):
        queues.setdefault(jobs[index].release.name, []).append(index)
    wires: list[Wire] = []
    shared = replace(
        options,
        progress=_Shared(options.progress),
        on_open=wires.append,
        threads=max(1, options.threads // min(parallel, len(queues))),
    )
    outcome: dict[int, Published | VmpackError] = {}

    def work(queue: Sequence[int]) -> None:
        for index in queue:
            try:
                outcome[index] = publish(jobs[index].release, jobs[index].destination, shared)
            except VmpackError as error:
                outcome[index] = error

    total = sum(a.size for job in jobs for a in (job.release.package, job.release.config) if a)
    options.progress.begin(f"{len(jobs)} releases", total)
    try:
        _side_by_side(work, list(queues.values()), parallel, wires)
    finally:
        options.progress.end()
    return [outcome[index] for index in range(len(jobs))]


def _side_by_side(
    work: Callable[[Sequence[int]], None],
    queues: Sequence[Sequence[int]],
    parallel: int,
    wires: Sequence[Wire],
) -> None:
    with ThreadPoolExecutor(parallel, "release") as pool:
        futures = [pool.submit(work, queue) for queue in queues]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for wire in wires:
                wire.abort()
            raise


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split("."))


class _Shared:
    """One bar for several releases: they only move it forward."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def begin(self, label: str, total: int) -> None:
        """Leave the bar as it is."""

    def advance(self, amount: int) -> None:
        """Move the common bar."""
        self._progress.advance(amount)

    def end(self) -> None:
        """Leave the bar as it is."""
