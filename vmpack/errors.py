"""Every error that vmpack expects, and the exit code each kind ends with.

An error carries facts: what happened, why it matters, what to do, and where. Rooms raise them; only
``vmpack.cli.run`` turns them into text and an exit code.
"""

from collections.abc import Sequence
from pathlib import Path

from vmpack.findings import Finding


class VmpackError(Exception):
    """An expected failure, told in up to four sentences.

    ``what`` is one sentence without a full stop at the end of the file name it may carry; ``why`` gives the
    reason or the rule; ``remedy`` is something the reader can do now; ``where`` is ``file``,
    ``file:line:column`` or a URL without its signature.
    """

    exit_code = 1
    rule = "internal"

    def __init__(
        self,
        what: str,
        *,
        why: str = "",
        remedy: str = "",
        where: str | Path = "",
        rule: str = "",
    ) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.remedy = remedy
        self.where = str(where)
        if rule:
            self.rule = rule

    def __str__(self) -> str:
        parts = [self.what, self.why, self.remedy]
        text = " ".join(part for part in parts if part)
        return f"{self.where}: {text}" if self.where else text


class UsageError(VmpackError):
    """The command line asks for something that cannot be meant."""

    exit_code = 2
    rule = "usage"


class ManifestError(VmpackError):
    """A manifest or a template is invalid; ``findings`` holds every problem at once."""

    exit_code = 3
    rule = "manifest"

    def __init__(self, what: str, *, findings: Sequence[Finding] = (), **facts: str) -> None:
        super().__init__(what, **facts)
        self.findings = tuple(findings)


class TemplateError(ManifestError):
    """An installer template is missing, broken, or was given parameters it refuses."""

    rule = "template"


class BuildError(VmpackError):
    """The payload cannot be packed as asked: a path, a link, a file that changed, a full disk."""

    exit_code = 4
    rule = "build"


class LimitError(BuildError):
    """A limit of the service is crossed: too big, or nothing at all."""

    rule = "limit"


class PublishError(VmpackError):
    """A blob could not be stored, or its link does not work."""

    exit_code = 5
    rule = "publish"


class VerificationError(VmpackError):
    """A release is not what it says, or it fails a test."""

    exit_code = 6
    rule = "verification"
