"""The last round: what was committed is verified, and its links are tried, all at the same time."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from vmpack.errors import PublishError
from vmpack.findings import Finding
from vmpack.publish.container import BlockLists, Container
from vmpack.publish.content import verify
from vmpack.publish.links import Made, needs_identity
from vmpack.publish.model import BlobProperties, Links
from vmpack.publish.retry import RetryPolicy
from vmpack.publish.session import Round
from vmpack.publish.store import Job
from vmpack.publish.trial import Visitor
from vmpack.values import dataclass

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Trial:
    """What a visitor without credentials finds behind one link."""

    made: Made
    head: Future[BlobProperties | PublishError]
    byte: Future[PublishError | None]

    def findings(self) -> tuple[Finding, ...]:
        """Give what the link's reader should know; a plain URL that anyone can read needs no warning."""
        if self.made.signed:
            return self.made.findings
        if isinstance(self.head.result(), PublishError) or isinstance(self.byte.result(), PublishError):
            return self.made.findings or (needs_identity(self.made.link.plain),)
        return ()


def confirm(container: Container, jobs: Sequence[Job], made: Sequence[Made], policy: RetryPolicy) -> Links:
    """Verify blobs and try their links, the package's first. Raises PublishError."""
    with container.session.round() as last:
        trials = _visits(last, container, made, policy)
        lists = [_lists(last, container, job) for job in jobs]
        own = [_own(last, container, job, link) for job, link in zip(jobs, made, strict=True)]
    for job, trial, blocks, properties in zip(jobs, trials, lists, own, strict=True):
        found = properties.result() if properties else trial.head.result()
        if blocks and not isinstance(found, PublishError):
            verify(container.blob_url(job.upload.blob), job.upload, job.plan, found, blocks.result())
    return _links(trials)


def try_all(container: Container, made: Sequence[Made], policy: RetryPolicy) -> Links:
    """Try links, the package's first, at the same time. Raises PublishError."""
    with container.session.round() as together:
        trials = _visits(together, container, made, policy)
    return _links(trials)


def _links(trials: Sequence[_Trial]) -> Links:
    media, *config = trials
    return Links(media.made.link, config[0].made.link if config else None, media.findings())


def _visits(together: Round, container: Container, made: Sequence[Made], policy: RetryPolicy) -> list[_Trial]:
    visitor = Visitor(container.session.wire, policy)
    return [
        _Trial(
            each,
            together.submit(_maybe(partial(visitor.head, each.link.url), each)),
            together.submit(_maybe(partial(visitor.first_byte, each.link.url), each)),
        )
        for each in made
    ]


def _maybe(ask: Callable[[], Answer], made: Made) -> Callable[[], Answer | PublishError]:
    """Let a plain URL be refused: perhaps an identity opens it."""

    def asked() -> Answer | PublishError:
        try:
            return ask()
        except PublishError as error:
            if made.signed:
                raise
            return error

    return asked


def _lists(together: Round, container: Container, job: Job) -> Future[BlockLists] | None:
    """List the blocks of what was committed just now; what stood there before has been judged already."""
    return None if job.existed else together.submit(partial(container.block_lists, job.upload.blob))


def _own(together: Round, container: Container, job: Job, made: Made) -> Future[BlobProperties | None] | None:
    """Look with credentials where the link alone may not open the blob."""
    return None if made.signed else together.submit(partial(container.properties, job.upload.blob))
