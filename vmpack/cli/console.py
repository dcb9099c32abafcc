"""How vmpack talks: results to stdout, progress and messages to stderr, each fitted to who listens.

A person at a terminal sees colour and a progress bar; a CI job sees plain lines, and its service's annotations.
NO_COLOR, FORCE_COLOR, CI, GITHUB_ACTIONS and TF_BUILD are respected.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

import click

from vmpack.cli import annotations
from vmpack.cli.failure import OutputError
from vmpack.cli.render import render_finding
from vmpack.errors import ManifestError, VmpackError
from vmpack.findings import Finding
from vmpack.progress import SILENT, Progress
from vmpack.values import dataclass


@dataclass(frozen=True, slots=True)
class Console:
    """The one voice of a run; commands get it with ``@pass_console``."""

    colour: bool
    """Whether stderr may carry colour."""
    live: bool
    """Whether stderr is a terminal that a progress bar may redraw."""
    environment: Mapping[str, str]
    quiet: bool = False

    @classmethod
    def of_process(cls, *, quiet: bool = False) -> "Console":
        """Make the console that fits this process's streams and environment."""
        # A process that was started with stderr closed has none; a dumb terminal cannot move its cursor.
        terminal = sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        in_ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
        colour = (bool(os.environ.get("FORCE_COLOR")) or terminal) and not os.environ.get("NO_COLOR")
        return cls(colour, terminal and not in_ci and not quiet, os.environ, quiet)

    def style(self, text: str, **style: str | bool) -> str:
        """Colour a text for stderr where colour is wanted."""
        return click.style(text, **style) if self.colour else text  # type: ignore[arg-type]

    def result(self, text: str) -> None:
        """Write a line of the result to stdout."""
        try:
            click.echo(text, color=bool(self.environment.get("FORCE_COLOR")) or None)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError("the result cannot be written to stdout", why=f"{error.strerror}.") from error

    def tell(self, text: str) -> None:
        """Write a line to stderr, come what may: a message that cannot be shown is no reason to fail."""
        with suppress(OSError):
            click.echo(text, err=True, color=self.colour)

    def json(self, document: object) -> None:
        """Write the result as JSON to stdout: UTF-8 (ASCII where stdout cannot), two spaces, keys as given."""
        import codecs
        import json

        encoding = getattr(sys.stdout, "encoding", None) or "ascii"
        self.result(json.dumps(document, indent=2, ensure_ascii=codecs.lookup(encoding).name != "utf-8"))

    def note(self, text: str) -> None:
        """Tell on stderr what is being done, unless ``--quiet``."""
        if not self.quiet:
            self.tell(text)

    def warning(self, text: str) -> None:
        """Tell on stderr what the reader should know."""
        self.tell(f"{self.style('warning', fg='yellow', bold=True)}: {text}")

    def findings(self, findings: Iterable[Finding], *, to_stdout: bool = False) -> None:
        """Show findings with line, caret and help, and as annotations where a CI service reads them."""
        say = self.result if to_stdout else self.tell
        for finding in findings:
            say(render_finding(finding, colour=self.colour))
            for line in annotations.of_finding(finding, self.environment):
                self.tell(line)

    def error(self, error: VmpackError) -> None:
        """Show an expected error: what, why, what to do, and where."""
        findings = error.findings if isinstance(error, ManifestError) else ()
        self.findings(findings)
        if len(findings) == 1 and findings[0].message == error.what:
            return
        where = f"{error.where}: " if error.where else ""
        self.tell(f"{where}{self.style('error', fg='red', bold=True)}: {error.what} [{error.rule}]")
        for line in filter(None, (error.why, error.remedy and f"help: {error.remedy}")):
            self.tell(f"  {line}")
        if not findings:
            for line in annotations.of_error(error, self.environment):
                self.tell(line)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Give a progress for a library call: a bar on a terminal, nothing elsewhere."""
        if not self.live:
            yield SILENT
            return
        from vmpack.cli.bar import bar

        with bar() as progress:
            yield progress


pass_console = click.make_pass_decorator(Console)


def human_size(size: int) -> str:
    """Give a size in bytes as people read it, in binary units: ``4.2 MiB``."""
    amount = float(size)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.2f} GiB"
