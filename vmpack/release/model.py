"""A release: one folder on disk, as a value."""

from pathlib import Path
from typing import TYPE_CHECKING

from vmpack.findings import Finding
from vmpack.installer.model import Commands
from vmpack.manifest.model import Check, PublishDefaults
from vmpack.package.model import Block, Parcel, Segments
from vmpack.release.built import Artifact, Built
from vmpack.types import JSONValue, Os, RebootBehavior
from vmpack.values import dataclass

if TYPE_CHECKING:
    from vmpack.content.model import Content

__all__ = ["Artifact", "BuildResult", "Release"]


@dataclass(frozen=True, slots=True)
class Release:
    """A release folder that was built or read back; every path in it is absolute."""

    directory: Path
    name: str
    version: str
    os: Os
    package: Artifact
    config: Artifact | None
    template: str | None
    """The installer's template; None where the manifest gives its commands word by word."""
    commands: Commands
    blocks: tuple[Block, ...]
    """The package's blocks, ascending and without gaps."""
    parcels: tuple[Parcel, ...]
    """How they travel to storage when nothing is there."""
    segments: int
    reboot_behavior: RebootBehavior
    checks: tuple[Check, ...]
    retains: tuple[str, ...]
    """Absolute paths that may stay after remove (manifest and template together)."""
    publish: PublishDefaults
    """Where the manifest says the blobs go; never a secret."""
    version_resource: dict[str, JSONValue]
    """``version.json``: the gallery application version in REST shape, without links."""


@dataclass(frozen=True, slots=True)
class BuildResult:
    """A release just built, with what only this run knows."""

    release: Release
    segments: Segments
    seconds: float
    warnings: tuple[Finding, ...]
    content: "Content"
    """What was packed."""

    @property
    def built(self) -> Built:
        """The same as a report for people and programs."""
        release = self.release
        return Built(
            release.name,
            release.version,
            release.os,
            release.directory,
            release.package,
            release.config,
            release.commands.as_json(),
            self.segments.total,
            self.segments.reused,
            self.warnings,
        )
