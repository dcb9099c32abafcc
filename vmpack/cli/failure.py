"""Errors as the two things a command line gives of them: one of vmpack's own kinds, and a JSON document."""

import errno
import os
from pathlib import Path
from typing import Any

from vmpack.errors import BuildError, ManifestError, VmpackError

_NO_SPACE = "Free some space, or choose another place with -o or VMPACK_CACHE_DIR."
_IN_THE_WAY = "A file stands where a folder must be: remove it, or choose another place with -o."
_REMEDIES = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EACCES: "Check the permissions of that path.",
    errno.EPERM: "Check the permissions of that path.",
    errno.EROFS: "Choose another place with -o.",
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EEXIST: _IN_THE_WAY,
}


class OutputError(VmpackError):
    """The result cannot be written to stdout: a full disk behind a redirection, a device that is gone."""

    rule = "stdout"


def of_system(error: OSError, *, where: Path | str = "") -> BuildError:
    """Make an expected error of one of the operating system's; ``where`` is told if that names no path itself."""
    return BuildError(
        error.strerror or str(error),
        remedy=_REMEDIES.get(error.errno or 0, ""),
        where=os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else where,
        rule="operating-system",
    )


def document(error: VmpackError) -> dict[str, Any]:
    """Give an error for a JSON result; its findings are those of ``vmpack validate``."""
    findings = error.findings if isinstance(error, ManifestError) else ()
    return {
        "rule": error.rule,
        "exitCode": error.exit_code,
        "what": error.what,
        "why": error.why,
        "remedy": error.remedy,
        "where": error.where,
        "findings": [finding.as_json() for finding in findings],
    }
