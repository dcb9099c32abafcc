"""The whole build as one function: from a manifest to a release folder that is there whole or not at all."""

import hashlib
import time
from collections.abc import Callable
from datetime import date
from functools import cache, partial
from pathlib import Path

from vmpack import gallery, installer, manifest, package
from vmpack.atomic import replaced_folder
from vmpack.content import collect
from vmpack.content.model import Content
from vmpack.errors import ManifestError
from vmpack.installer import remembered
from vmpack.installer.model import Lifecycle, PayloadFacts
from vmpack.limits import DEFAULT, Limits
from vmpack.manifest.model import Manifest
from vmpack.package.archive import Frame
from vmpack.package.cache import SegmentCache
from vmpack.package.frames import sealed
from vmpack.package.model import DEFAULT_MTIME, BlockObserver, Member, PackageRequest, WrittenPackage
from vmpack.progress import SILENT, Progress
from vmpack.release.check import demand
from vmpack.release.model import Artifact, BuildResult, Release
from vmpack.release.report import BUILD_REPORT, CHECKSUMS, VERSION_RESOURCE, build_report, to_json
from vmpack.values import dataclass, replace


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What a build needs beside the manifest."""

    dist: Path
    """The release goes to ``dist/<name>/<version>``."""
    today: date
    mtime: int = DEFAULT_MTIME
    """Seconds since 1970 for every member of the package."""
    cache: SegmentCache | None = None
    template_dirs: tuple[Path, ...] = ()
    limits: Limits = DEFAULT
    not_packed: tuple[Path, ...] = ()
    """Folders that are no part of any payload, besides the one that this release is written to."""


def build(
    wanted: Manifest,
    options: BuildOptions,
    *,
    progress: Progress = SILENT,
    observer: BlockObserver | None = None,
) -> BuildResult:
    """Build one release.

    Raises ManifestError (3) when the platform would refuse the manifest, TemplateError (3) for the installer,
    BuildError and LimitError (4) for the payload. After any error, and after a kill, ``dist`` holds the old
    release or none, never a part of the new one.
    """
    began = time.monotonic()
    warnings = demand(wanted, today=options.today, template_dirs=options.template_dirs, limits=options.limits)
    config = _checked_config(wanted, options.limits)
    final = options.dist / wanted.name / wanted.version
    # Each of the three: `dist` may hold the payload, and then only what lies deeper is output.
    outputs = (options.dist, final.parent, final, *options.not_packed)
    content = collect(wanted.payload, wanted.folder, wanted.os, skip=outputs)
    warnings += content.warnings
    wanted = _with_package_name(wanted, content)
    _demand_named_files(wanted, content, options)
    # Rendered once, by whoever asks first: the writer does while the first segments are being compressed.
    lifecycle = cache(partial(_lifecycle, wanted, content, options))
    with replaced_folder(final) as folder:
        request = _request(wanted, content, lifecycle, options)
        path = folder / wanted.package_file_name
        written = package.write_package(
            request, path, cache=options.cache, progress=progress, observer=observer
        )
        artifact = _copy_config(config, folder) if config else None
        release = _release(wanted, lifecycle(), written, artifact, folder)
        _write_reports(release)
    placed = _placed(release, final.absolute())
    for made in filter(None, (placed.package, placed.config)):
        warnings += package.size_warnings(made.size, str(made.path))
    return BuildResult(placed, written.segments, time.monotonic() - began, warnings, content)


def _with_package_name(wanted: Manifest, content: Content) -> Manifest:
    """Give a file that is passed through its own name, unless the manifest names it otherwise."""
    if wanted.package_file_name:
        return wanted
    files = [entry.path for entry in content.entries if entry.kind == "file"]
    named = replace(wanted, package_file_name=Path(files[0]).name)
    findings = [finding for finding in gallery.check_file_names(named) if finding.severity == "error"]
    if findings:
        raise ManifestError(
            "the payload file's name cannot be a package name",
            findings=findings,
            where=str(wanted.source.path),
        )
    return named


def _demand_named_files(wanted: Manifest, content: Content, options: BuildOptions) -> None:
    from vmpack.installer.params import missing_files

    findings = missing_files(wanted, content, template_dirs=options.template_dirs)
    if findings:
        raise ManifestError(
            "the installer names files that are not packed", findings=findings, where=str(wanted.source.path)
        )


def _lifecycle(wanted: Manifest, content: Content, options: BuildOptions) -> Lifecycle | None:
    if wanted.installer is None:
        return None
    form = wanted.payload.format
    facts = PayloadFacts(
        archive="payload" if form == "zip" else f"payload.{form}",
        format=form,
        files=sum(entry.kind == "file" for entry in content.entries),
        size=content.size,
    )
    if options.cache is None:
        return installer.render(wanted, facts, template_dirs=options.template_dirs)
    return remembered.render(wanted, facts, _Scripts(options.cache), template_dirs=options.template_dirs)


@dataclass(frozen=True, slots=True)
class _Scripts:
    """The build cache as a memory for rendered scripts."""

    cache: SegmentCache

    def get(self, key: bytes) -> bytes | None:
        found = self.cache.get(key)
        return bytes(found.data) if found else None

    def put(self, key: bytes, data: bytes) -> None:
        self.cache.put(key, sealed(Frame(data)))


def _members(wanted: Manifest, lifecycle: Callable[[], Lifecycle | None]) -> tuple[Member, ...]:
    rendered = lifecycle()
    scripts = rendered.scripts if rendered else ()
    return (
        Member("vmapp.json", to_json(manifest.embedded(wanted))),
        *(Member(f"lifecycle/{script.name}", script.data, script.mode) for script in scripts),
    )


def _request(
    wanted: Manifest, content: Content, lifecycle: Callable[[], Lifecycle | None], options: BuildOptions
) -> PackageRequest:
    return PackageRequest(
        os=wanted.os,
        format=wanted.payload.format,
        level=wanted.payload.level,
        content=content,
        members=partial(_members, wanted, lifecycle),
        mtime=options.mtime,
        limit=options.limits.package_bytes,
    )


def _checked_config(wanted: Manifest, limits: Limits) -> tuple[Path, str] | None:
    """Give the config file and its name on the VM, refused before minutes went into a package."""
    if wanted.config is None:
        return None
    source = wanted.folder / wanted.config.file
    package.check_config(source, limit=limits.config_bytes)
    return source, wanted.config.file_name


def _copy_config(config: tuple[Path, str], folder: Path) -> Artifact:
    import shutil

    source, name = config
    target = folder / name
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Artifact(target, target.name, target.stat().st_size, digest)


def _release(
    wanted: Manifest,
    lifecycle: Lifecycle | None,
    written: WrittenPackage,
    config: Artifact | None,
    folder: Path,
) -> Release:
    name = wanted.package_file_name
    commands = installer.commands(wanted, file_name=name, sha256=written.sha256, size=written.size)
    retains = {*wanted.retains, *(lifecycle.retains if lifecycle else ())}
    return Release(
        directory=folder,
        name=wanted.name,
        version=wanted.version,
        os=wanted.os,
        package=Artifact(folder / name, name, written.size, written.sha256),
        config=config,
        template=lifecycle.template if lifecycle else None,
        commands=commands,
        blocks=written.blocks,
        parcels=written.parcels,
        segments=written.segments.total,
        reboot_behavior=wanted.reboot_behavior,
        checks=wanted.checks,
        retains=tuple(sorted(retains)),
        publish=wanted.publish,
        version_resource=gallery.version_resource(wanted, commands),
    )


def _write_reports(release: Release) -> None:
    """Write the three reports, checksums last because they cover the others."""
    digests = {
        artifact.file_name: artifact.sha256 for artifact in (release.package, release.config) if artifact
    }
    for name, document in (
        (VERSION_RESOURCE, release.version_resource),
        (BUILD_REPORT, build_report(release)),
    ):
        data = to_json(document)
        (release.directory / name).write_bytes(data)
        digests[name] = hashlib.sha256(data).hexdigest()
    lines = [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]
    (release.directory / CHECKSUMS).write_text("".join(lines), encoding="utf-8", newline="\n")
    for path in release.directory.iterdir():
        path.chmod(0o644)


def _placed(release: Release, final: Path) -> Release:
    """Give the release as it lies at its final place."""

    def moved(artifact: Artifact) -> Artifact:
        return replace(artifact, path=final / artifact.file_name)

    return replace(
        release,
        directory=final,
        package=moved(release.package),
        config=moved(release.config) if release.config else None,
    )
