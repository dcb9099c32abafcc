"""The one list of platform rules, and the function that holds a manifest against them."""

from collections.abc import Iterable, Iterator
from datetime import date

from vmpack.findings import Finding
from vmpack.gallery import commands, names, regions, secrets
from vmpack.gallery.rule import Breach, Circumstances, PlatformRule
from vmpack.limits import DEFAULT, Limits
from vmpack.manifest.model import Manifest
from vmpack.manifest.secrets import redact

RULES: tuple[PlatformRule, ...] = (
    *names.RULES,
    *names.FILE_RULES,
    *regions.RULES,
    *commands.RULES,
    *secrets.RULES,
)
"""Every rule that a manifest alone can break, in the order of the documentation."""


def check(manifest: Manifest, *, today: date, limits: Limits = DEFAULT) -> tuple[Finding, ...]:
    """Give every broken rule of the platform, in the order of the text; empty for a manifest it would take."""
    return _sorted(_broken(RULES, manifest, Circumstances(today, limits)))


def check_file_names(manifest: Manifest, *, limits: Limits = DEFAULT) -> tuple[Finding, ...]:
    """Check the names of package and config alone, for a package whose name only its payload could give."""
    return _sorted(_broken(names.FILE_RULES, manifest, Circumstances(date.min, limits)))


def _broken(rules: Iterable[PlatformRule], manifest: Manifest, facts: Circumstances) -> Iterator[Finding]:
    for each in rules:
        for breach in each.find(manifest, facts):
            yield _finding(each, breach, manifest)


def _finding(each: PlatformRule, breach: Breach, manifest: Manifest) -> Finding:
    # Regions and names may come from the environment, and so might a secret by mistake.
    message, remedy = (redact(text.format(**breach.values)) for text in (each.rule.message, each.rule.remedy))
    return manifest.source.finding(
        each.rule.id, each.rule.severity, message, help=remedy, pointer=breach.pointer, hide=breach.hide
    )


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: (finding.line, finding.column)))
