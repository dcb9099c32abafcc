"""Everything that can be said against a manifest before its payload is looked at."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from vmpack import gallery, manifest
from vmpack.errors import ManifestError
from vmpack.findings import Finding, has_errors
from vmpack.limits import DEFAULT, Limits
from vmpack.manifest.model import Manifest

_READ_AT_MOST = 1 << 20
"""Bytes of a config file that are searched for secrets."""


def read(
    path: Path, variables: Mapping[str, str], *, today: date, template_dirs: tuple[Path, ...] = ()
) -> Manifest:
    """Load a manifest; a ManifestError holds the platform's findings beside those of syntax and schema."""
    try:
        return manifest.load(path, variables)
    except manifest.InvalidManifest as error:
        if error.sound is not None:
            platform = findings(error.sound, today=today, template_dirs=template_dirs)
            error.findings = _in_order((*error.findings, *platform))
        raise


def findings(
    wanted: Manifest, *, today: date, template_dirs: tuple[Path, ...] = (), limits: Limits = DEFAULT
) -> tuple[Finding, ...]:
    """Give what breaks the platform's rules, and what is wrong with the installer and its parameters."""
    found = gallery.check(wanted, today=today, limits=limits)
    if wanted.config is not None:
        path = wanted.folder / wanted.config.file
        found += gallery.check_config(str(path), _text(path))
    if wanted.installer is not None:
        from vmpack.installer.params import check_params

        found += check_params(wanted, template_dirs=template_dirs)
    return _in_order(found)


def demand(
    wanted: Manifest, *, today: date, template_dirs: tuple[Path, ...] = (), limits: Limits = DEFAULT
) -> tuple[Finding, ...]:
    """Give the warnings; raise ManifestError when there are errors among the findings."""
    found = findings(wanted, today=today, template_dirs=template_dirs, limits=limits)
    if has_errors(found):
        errors = sum(finding.severity == "error" for finding in found)
        raise ManifestError(
            f"this version cannot be built: {errors} {'problem' if errors == 1 else 'problems'}",
            findings=found,
            where=str(wanted.source.path),
        )
    return found


def _text(path: Path) -> str:
    """Give the beginning of a config file; a file that is missing is the build's error, not ours."""
    try:
        with path.open("rb") as file:
            return file.read(_READ_AT_MOST).decode("utf-8", "replace")
    except OSError:
        return ""


def _in_order(found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    return tuple(sorted(dict.fromkeys(found), key=lambda each: (each.file, each.line, each.column)))
