"""The manifest as a frozen value: what every later room reads, after checks, interpolation and defaults."""

from collections.abc import Mapping
from pathlib import Path

from vmpack.findings import Finding, Severity
from vmpack.types import JSONValue, Os, PayloadFormat, Pointer, RebootBehavior
from vmpack.values import dataclass, field


@dataclass(frozen=True, slots=True)
class Payload:
    """Which files are packed, and how."""

    root: str = "files"
    """The folder, relative to the manifest's own (or absolute)."""
    include: tuple[str, ...] = ("**",)
    exclude: tuple[str, ...] = ()
    executable: tuple[str, ...] = ()
    """Patterns of files that get mode 0755, for people who build where files have no modes."""
    format: PayloadFormat = "tar.zst"
    level: int | None = None
    """Compression level; None leaves it to the package room's default of the format."""


@dataclass(frozen=True, slots=True)
class Config:
    """The optional config file: where it lies here, and its name on the VM."""

    file: str
    file_name: str


@dataclass(frozen=True, slots=True)
class InstallerRef:
    """The template to use and the parameters given to it, not yet checked against its schema."""

    template: str
    params: Mapping[str, JSONValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VerbatimActions:
    """Commands given word by word instead of a template."""

    install: str
    remove: str
    update: str | None = None


@dataclass(frozen=True, slots=True)
class TargetRegion:
    """One region that the version is replicated to."""

    name: str
    regional_replica_count: int | None = None
    storage_account_type: str | None = None
    exclude_from_latest: bool | None = None
    encryption: JSONValue = None
    """Refused by the platform; kept so that a rule can say so in the platform's words."""


@dataclass(frozen=True, slots=True)
class Check:
    """One post-install check: a shell command that must exit 0 within its time (seconds)."""

    name: str
    run: str
    timeout: int = 60


@dataclass(frozen=True, slots=True)
class PublishDefaults:
    """Where ``vmpack publish`` puts the blobs when the command line does not say; never a secret."""

    account: str | None = None
    container: str | None = None
    """A container name, or the URL of a container without a signature."""
    sas_expiry: str = "24h"


@dataclass(frozen=True, slots=True)
class Source:
    """The text a manifest came from, for findings that point at a line."""

    path: Path
    text: str

    def finding(
        self,
        rule: str,
        severity: Severity,
        message: str,
        *,
        help: str = "",  # noqa: A002 - the JSON contract's word
        pointer: Pointer = (),
        key: bool = False,
        part: tuple[int, int] | None = None,
        hide: bool = False,
    ) -> Finding:
        """Make a finding at the value (or, where it is missing, at the nearest parent) of ``pointer``.

        ``key`` points at the property's name instead, ``part`` at some characters of a string as it is written,
        ``hide`` blanks the value in the line that is shown.
        """
        from vmpack.manifest.positions import locate

        place = locate(self.text, pointer, key=key, part=part, hide=hide)
        return Finding(
            rule,
            severity,
            message,
            help,
            str(self.path),
            place.line,
            place.column,
            place.source_line,
            place.length,
            place.caret,
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """One application version for one operating system."""

    source: Source
    document: Mapping[str, JSONValue]
    """The resolved JSON document: interpolated, otherwise as written."""
    name: str
    version: str
    os: Os
    payload: Payload
    package_file_name: str
    """The package's name on the VM and in storage; letters, digits, dot, underscore, hyphen only.

    Empty for the format none when the manifest gives none: it is the payload file's own name then.
    """
    installer: InstallerRef | None = None
    actions: VerbatimActions | None = None
    config: Config | None = None
    description: str | None = None
    eula: str | None = None
    privacy_statement_uri: str | None = None
    release_note_uri: str | None = None
    end_of_life_date: str | None = None
    exclude_from_latest: bool | None = None
    location: str | None = None
    target_regions: tuple[TargetRegion, ...] = ()
    replica_count: int | None = None
    storage_account_type: str | None = None
    reboot_behavior: RebootBehavior = "None"
    allow_deletion_of_replicated_locations: bool | None = None
    """``safetyProfile``, the platform's guard against losing a region."""
    checks: tuple[Check, ...] = ()
    """The manifest's ``tests``."""
    retains: tuple[str, ...] = ()
    """Absolute paths that may stay after remove: logs, data folders."""
    publish: PublishDefaults = field(default_factory=PublishDefaults)

    @property
    def folder(self) -> Path:
        """The folder that relative paths in the manifest start from."""
        return self.source.path.parent
