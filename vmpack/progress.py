"""How a long piece of work tells how far it is, without knowing who listens."""

from typing import Protocol


class Progress(Protocol):
    """One bar: begun with a total in bytes, moved forward, ended."""

    def begin(self, label: str, total: int) -> None:
        """Start a bar of ``total`` bytes."""

    def advance(self, amount: int) -> None:
        """Move the bar by ``amount`` bytes, back when it is negative; may be called from several threads."""

    def end(self) -> None:
        """Finish the bar, also after an error."""


class Silent:
    """A progress that nobody watches."""

    def begin(self, label: str, total: int) -> None:
        """Do nothing."""

    def advance(self, amount: int) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


SILENT: Progress = Silent()
