"""Proof that a release is what it says: digests, limits, consistency, and the same bytes when built again."""

import filecmp
import hashlib
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from vmpack import package
from vmpack.errors import VmpackError
from vmpack.findings import Finding
from vmpack.limits import DEFAULT, Limits
from vmpack.manifest.model import Manifest
from vmpack.package.parcels import md5_of
from vmpack.progress import SILENT, Progress
from vmpack.release.build import BuildOptions, build
from vmpack.release.model import Artifact, Release
from vmpack.release.report import BUILD_REPORT, CHECKSUMS, VERSION_RESOURCE
from vmpack.types import JSONValue

_CHECKSUM_LINE = re.compile(r"([0-9a-f]{64}) [ *]([^/\x00]+)")


def verify(release: Release, limits: Limits = DEFAULT) -> tuple[Finding, ...]:
    """Check every digest, size and statement of a release folder; no findings means that all of it holds."""
    return tuple(
        finding
        for checker in (_checksums, _artifacts, _commands, _resource, _blocks, _parcels, _payload)
        for finding in checker(release, limits)
    )


def rebuild(
    release: Release, wanted: Manifest, options: BuildOptions, progress: Progress = SILENT
) -> tuple[Finding, ...]:
    """Build the manifest again in a throw-away folder and compare every byte of the two releases.

    The cache is not used: a proof must not lean on what the first build left behind.
    """
    if (wanted.name, wanted.version) != (release.name, release.version):
        found = f"{wanted.name} {wanted.version}"
        return (
            _broken(
                "rebuild-other-version",
                wanted.source.path,
                f"the manifest says {found}, the release is {release.name} {release.version}",
                "Name the manifest that this release was built from.",
            ),
        )
    with tempfile.TemporaryDirectory(prefix="vmpack-rebuild-") as folder:
        # The first build did not pack its own output; the second must not find it among the files.
        name = release.directory.parent
        own = (name.parent, name, release.directory)
        options = replace(options, dist=Path(folder), cache=None, not_packed=(*options.not_packed, *own))
        again = build(wanted, options, progress=progress).release
        return tuple(_differences(release.directory, again.directory))


def _broken(rule: str, path: Path, message: str, remedy: str = "Build the release again.") -> Finding:
    return Finding(rule, "error", message, remedy, str(path))


def _differences(one: Path, other: Path) -> Iterator[Finding]:
    names = sorted({path.name for folder in (one, other) for path in folder.iterdir()} - {"publish.json"})
    for name in names:
        left, right = one / name, other / name
        if not (left.exists() and right.exists()):
            where = "the release" if left.exists() else "the rebuild"
            yield _broken("rebuild-file-missing", left, f"{name} is only in {where}")
        elif not filecmp.cmp(left, right, shallow=False):
            yield _broken(
                "rebuild-differs",
                left,
                f"{name} differs from the rebuild at byte {_first_difference(left, right)}",
                "Something beside the manifest changed: the files, the tool's version, or SOURCE_DATE_EPOCH.",
            )


def _first_difference(one: Path, other: Path) -> int:
    offset = 0
    with one.open("rb") as left, other.open("rb") as right:
        while True:
            a, b = left.read(1 << 16), right.read(1 << 16)
            if a != b:
                return offset + next(
                    (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
                )
            offset += len(a)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checksums(release: Release, _limits: Limits) -> Iterator[Finding]:
    listing = release.directory / CHECKSUMS
    if not listing.is_file():
        yield _broken("checksums-missing", listing, f"{CHECKSUMS} is missing")
        return
    listed: dict[str, str] = {}
    for number, line in enumerate(listing.read_text("utf-8", "replace").splitlines(), 1):
        match = _CHECKSUM_LINE.fullmatch(line)
        if match is None:
            yield replace(
                _broken("checksums-malformed", listing, "not a checksum line"), line=number, column=1
            )
        else:
            listed[match[2]] = match[1]
    wanted = {BUILD_REPORT, VERSION_RESOURCE, release.package.file_name}
    if release.config:
        wanted.add(release.config.file_name)
    for name in sorted(wanted | listed.keys()):
        yield from _checksum(release.directory / name, listed.get(name), listing)


def _checksum(path: Path, expected: str | None, listing: Path) -> Iterator[Finding]:
    if expected is None:
        yield _broken("checksums-incomplete", listing, f"{path.name} is not listed")
    elif not path.is_file():
        yield _broken("file-missing", path, f"{path.name} is missing")
    elif _digest(path) != expected:
        yield _broken("digest-differs", path, f"{path.name} does not have the sha256 that {CHECKSUMS} lists")


def _artifacts(release: Release, limits: Limits) -> Iterator[Finding]:
    yield from _artifact(release.package, limits.package_bytes)
    if release.config:
        yield from _artifact(release.config, limits.config_bytes)


def _artifact(artifact: Artifact, limit: int) -> Iterator[Finding]:
    if not artifact.path.is_file():
        return
    size = artifact.path.stat().st_size
    if size != artifact.size:
        yield _broken("size-differs", artifact.path, f"{size} bytes, the report says {artifact.size}")
    elif _digest(artifact.path) != artifact.sha256:
        yield _broken(
            "digest-differs", artifact.path, f"{artifact.file_name} does not have the reported sha256"
        )
    if size == 0:
        yield _broken(
            "limit-empty", artifact.path, f"The blob referenced by source uri {artifact.file_name} is empty."
        )
    if size > limit:
        message = (
            f"The blob referenced by source uri {artifact.file_name} is too big: size = {size}."
            " The maximum blob size allowed is '1 GB'."
        )
        yield _broken("limit-too-big", artifact.path, message)


def _commands(release: Release, _limits: Limits) -> Iterator[Finding]:
    """Demand that generated commands pin the package; verbatim ones are the author's own affair."""
    if release.template is None:
        return
    for action, command in (("install", release.commands.install), ("update", release.commands.update)):
        if command is not None and release.package.sha256 not in command:
            path = release.directory / BUILD_REPORT
            yield _broken(
                "command-not-pinned", path, f"the {action} command does not name the package's sha256"
            )


def _resource(release: Release, _limits: Limits) -> Iterator[Finding]:
    """Demand that ``version.json`` says what ``build.json`` says."""
    path = release.directory / VERSION_RESOURCE
    profile = _members(_members(release.version_resource, "properties"), "publishingProfile")
    actions = {key: value for key, value in release.commands.as_json().items() if value is not None}
    if profile.get("manageActions") != actions:
        yield _broken("resource-differs", path, "the commands differ from those in build.json")
    settings = _members(profile, "settings")
    if settings.get("packageFileName") != release.package.file_name:
        yield _broken("resource-differs", path, "packageFileName differs from the package in build.json")
    if settings.get("configFileName") != (release.config.file_name if release.config else None):
        yield _broken("resource-differs", path, "configFileName differs from the config in build.json")


def _members(document: Mapping[str, JSONValue], name: str) -> Mapping[str, JSONValue]:
    """Give an object inside another one; whoever edited the file may have put anything there."""
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}


def _blocks(release: Release, _limits: Limits) -> Iterator[Finding]:
    path = release.directory / BUILD_REPORT
    end = 0
    for block in release.blocks:
        if block.offset != end:
            yield _broken("blocks-differ", path, f"the blocks have a gap at byte {end}")
            return
        end += block.size
    if end != release.package.size:
        yield _broken("blocks-differ", path, f"the blocks cover {end} bytes of {release.package.size}")


def _parcels(release: Release, _limits: Limits) -> Iterator[Finding]:
    """Demand the MD5 that storage will hold the package against; a file that is damaged itself is told before."""
    if not release.package.path.is_file() or release.package.path.stat().st_size != release.package.size:
        return
    room = memoryview(bytearray(1 << 20))
    with release.package.path.open("rb", buffering=0) as file:
        for parcel in release.parcels:
            inside = 0 <= parcel.offset < parcel.offset + parcel.size <= release.package.size
            if not inside or md5_of(file, parcel.offset, parcel.size, room).hex() != parcel.md5:
                message = f"the parcel at byte {parcel.offset} does not have the reported MD5"
                yield _broken("parcels-differ", release.directory / BUILD_REPORT, message)
                return


def _payload(release: Release, _limits: Limits) -> Iterator[Finding]:
    if not release.package.path.is_file():
        return
    try:
        yield from package.verify_payload(release.package.path)
        document = package.read_file_package(release.package.path).manifest
    except VmpackError as error:
        yield _broken(error.rule, release.package.path, error.what)
        return
    if document is not None and (document.get("name"), document.get("version")) != (
        release.name,
        release.version,
    ):
        found = f"{document.get('name')} {document.get('version')}"
        yield _broken("package-of-another-version", release.package.path, f"the package says it is {found}")
