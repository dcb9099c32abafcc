"""What a build tells of its release, light enough for a build that finds nothing to do."""

from pathlib import Path

from vmpack.findings import Finding
from vmpack.values import dataclass


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that the gallery will hold: the package or the config."""

    path: Path
    file_name: str
    """Its name in the release folder, in storage and on the VM."""
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Built:
    """A release that stands, as ``vmpack build`` reports it."""

    name: str
    version: str
    os: str
    directory: Path
    package: Artifact
    config: Artifact | None
    commands: dict[str, str | None]
    """``install``, ``update`` and ``remove``."""
    segments: int
    reused: int
    """How many of the segments were compressed by an earlier build."""
    warnings: tuple[Finding, ...]
