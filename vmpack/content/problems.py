"""Every reason not to pack a payload, gathered so that all of them are told at once."""

from collections.abc import Sequence

from vmpack.errors import BuildError
from vmpack.findings import Finding

_SHOWN = 20


class PayloadError(BuildError):
    """The payload cannot be packed; ``findings`` holds every problem with its path."""

    rule = "payload"

    def __init__(self, root: str, findings: Sequence[Finding]) -> None:
        count = len(findings)
        lines = [f"{finding.file}: {finding.message}" for finding in findings[:_SHOWN]]
        if count > _SHOWN:
            lines.append(f"and {count - _SHOWN} more")
        helps = dict.fromkeys(finding.help for finding in findings if finding.help)
        super().__init__(
            f"{count} {'path' if count == 1 else 'paths'} of the payload cannot be packed",
            why="\n  ".join(lines),
            remedy=" ".join(helps),
            where=root,
        )
        self.findings = tuple(findings)


def problem(rule: str, path: str, message: str, help: str = "") -> Finding:  # noqa: A002 - Finding's own word
    """Make the finding for one path, which is shown in a form that any terminal can print."""
    return Finding(rule, "error", message, help, printable(path))


def printable(path: str) -> str:
    """Give a path without control characters or bytes that are not text: those become escapes."""
    if path.isprintable() and path.isascii():
        return path
    text = path.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
