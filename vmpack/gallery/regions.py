"""Rules about replication: regions, replicas, encryption, and how long the version lives."""

from collections.abc import Iterator

from vmpack.gallery.rule import Breach, Circumstances, PlatformRule
from vmpack.manifest.checks import parse_date
from vmpack.manifest.model import Manifest
from vmpack.manifest.rules import Rule
from vmpack.types import Pointer

_PROFILE = "galleryApplicationVersion.properties.publishingProfile"


def normalized(region: str) -> str:
    """Give a region the way the platform compares it: ``West Europe`` is ``westeurope``."""
    return "".join(region.split()).casefold()


def _duplicates(manifest: Manifest, _: Circumstances) -> Iterator[Breach]:
    seen: set[str] = set()
    for index, region in enumerate(manifest.target_regions):
        name = normalized(region.name)
        if name in seen:
            yield Breach(("targetRegions", index, "name"), {"region": region.name})
        seen.add(name)


def _location(manifest: Manifest, _: Circumstances) -> Iterator[Breach]:
    if manifest.location is None or not manifest.target_regions:
        return
    names = [region.name for region in manifest.target_regions]
    if normalized(manifest.location) not in map(normalized, names):
        yield Breach(("location",), {"regions": ", ".join(names), "location": manifest.location})


def _replicas(manifest: Manifest, facts: Circumstances) -> Iterator[Breach]:
    most = facts.limits.replicas_per_region
    counts: list[tuple[int | None, Pointer, str]] = [
        (manifest.replica_count, ("replicaCount",), f"{_PROFILE}.replicaCount")
    ]
    for index, region in enumerate(manifest.target_regions):
        own: Pointer = ("targetRegions", index, "regionalReplicaCount")
        parameter = f"{_PROFILE}.targetRegions[{index}].regionalReplicaCount"
        counts.append((region.regional_replica_count, own, parameter))
    for count, pointer, parameter in counts:
        if count is not None and not 1 <= count <= most:
            yield Breach(pointer, {"value": count, "parameter": parameter, "most": most})


def _encryption(manifest: Manifest, _: Circumstances) -> Iterator[Breach]:
    for index, region in enumerate(manifest.target_regions):
        if region.encryption is not None:
            yield Breach(("targetRegions", index, "encryption"))


def _end_of_life(manifest: Manifest, facts: Circumstances) -> Iterator[Breach]:
    end = parse_date(manifest.end_of_life_date) if manifest.end_of_life_date else None
    if end and end < facts.today:
        yield Breach(("endOfLifeDate",), {"name": manifest.version, "date": manifest.end_of_life_date})


RULES = (
    PlatformRule(
        Rule(
            "gallery-duplicate-regions",
            "Duplicate regions are not allowed in target publishing regions.",
            "Keep {region} once; case and blanks make no difference.",
        ),
        _duplicates,
    ),
    PlatformRule(
        Rule(
            "gallery-location",
            "Gallery image version publishing profile regions {regions} must contain the location of image version"
            " {location}.",
            "Add {location} to targetRegions, or choose one of them as location.",
        ),
        _location,
    ),
    PlatformRule(
        Rule(
            "gallery-replica-count",
            "The value {value} of parameter '{parameter}' is out of range. The value must be between 1 and {most},"
            " inclusive.",
            "Give a number from 1 to {most}, or leave it out for one replica.",
        ),
        _replicas,
    ),
    PlatformRule(
        Rule(
            "gallery-encryption",
            "Gallery application version resources currently do not support encryption.",
            "Remove `encryption`; replicas are encrypted with platform keys anyway.",
        ),
        _encryption,
    ),
    PlatformRule(
        Rule(
            "gallery-end-of-life",
            "Current VM Application Version {name} was deprecated at {date}.",
            "Give a later date. It informs only: the version can still be deployed.",
            "warning",
        ),
        _end_of_life,
    ),
)
