"""A finding: one problem at one place, with a stable rule id and a remedy."""

from typing import Literal

from vmpack.values import dataclass

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem as every output shows it: text, JSON, GitHub and Azure Pipelines annotations."""

    rule: str
    """Stable id, lower-case words joined by hyphens: ``schema-unknown-property``."""
    severity: Severity
    message: str
    """What is wrong; for a platform rule the very message that Azure would give."""
    help: str = ""
    """What to do about it."""
    file: str = ""
    line: int = 0
    """From 1; 0 where no place is known."""
    column: int = 0
    """From 1, counted in characters."""
    source_line: str = ""
    """The text of that line, for the caret."""
    length: int = 1
    """How many characters the caret underlines."""
    caret: int = 0
    """Where ``column`` is in ``source_line``, from 1; 0 where it is ``column`` itself (the line is not cut)."""

    def as_json(self) -> dict[str, str | int]:
        """Give the seven keys of the JSON contract (``schemaVersion`` 1)."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "message": self.message,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "help": self.help,
        }


def has_errors(findings: tuple[Finding, ...] | list[Finding]) -> bool:
    """Tell whether any of them is an error."""
    return any(finding.severity == "error" for finding in findings)
