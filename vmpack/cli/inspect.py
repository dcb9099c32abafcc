"""``vmpack inspect``: what is in a package, and what eats the gigabyte."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vmpack.cli.console import Console, human_size, pass_console
from vmpack.cli.options import json_option
from vmpack.errors import UsageError
from vmpack.limits import DEFAULT
from vmpack.types import ACTIONS
from vmpack.values import dataclass

if TYPE_CHECKING:
    from vmpack.package.model import FileRecord
    from vmpack.package.read import PackageListing
    from vmpack.release.model import Release

_ROWS = 10


@dataclass(frozen=True, slots=True)
class _Subject:
    name: str
    size: int
    sha256: str
    """Empty where it would take reading a whole remote blob to know it."""
    listing: "PackageListing"
    release: "Release | None" = None


@click.command()
@click.argument("artifact", metavar="ARTIFACT|RELEASE|URL")
@click.option("--files", "show_files", is_flag=True, help="List every file.")
@click.option("--commands", "show_commands", is_flag=True, help="Print a release's three commands whole.")
@json_option
@pass_console
def command(console: Console, artifact: str, show_files: bool, show_commands: bool, as_json: bool) -> None:
    """Show name, version, contents and sizes of a package, a release folder, or a blob behind a URL.

    A remote blob is not downloaded: its first kilobytes tell.
    """
    subject = _open(artifact)
    if as_json:
        console.json(_document(subject))
        return
    for line in _overview(subject):
        console.result(line)
    for line in _listing(subject.listing.files) if show_files else _biggest(subject.listing.files):
        console.result(line)
    for line in _told_commands(subject, whole=show_commands):
        console.result(line)


def _open(artifact: str) -> _Subject:
    if "://" in artifact:
        return _open_url(artifact)
    path = Path(artifact)
    if path.is_dir():
        from vmpack.release.report import load

        release = load(path)
        return _subject(release.package.path, release)
    if not path.is_file():
        raise UsageError(
            "this is neither a file nor a folder" if path.exists() else "nothing is there",
            remedy="Name a package, a release folder (dist/NAME/VERSION) or the URL of a blob.",
            where=path,
        )
    return _subject(path, None)


def _subject(path: Path, release: "Release | None") -> _Subject:
    from vmpack.package import read_file_package

    with path.open("rb") as file:
        digest = release.package.sha256 if release else hashlib.file_digest(file, "sha256").hexdigest()
    return _Subject(path.name, path.stat().st_size, digest, read_file_package(path), release)


def _open_url(url: str) -> _Subject:
    from vmpack.package import read_package
    from vmpack.publish.remote import open_url

    blob = open_url(url)
    name = Path(url.partition("?")[0]).name
    return _Subject(name, blob.size, blob.sha256, read_package(blob.read_at, blob.size))


def _overview(subject: _Subject) -> Iterable[str]:
    manifest = subject.listing.manifest
    if manifest is None:
        yield f"{subject.name}: no package made by vmpack, or a file that was passed through untouched"
    else:
        yield f"{manifest.get('name')} {manifest.get('version')} for {manifest.get('os')}"
    share = 100 * subject.size / DEFAULT.package_bytes
    yield f"  package  {subject.name}  {human_size(subject.size)}, {share:.1f} % of the 1 GiB allowed"
    if subject.sha256:
        yield f"  sha256   {subject.sha256}"
    if subject.release and subject.release.config:
        config = subject.release.config
        yield f"  config   {config.file_name}  {human_size(config.size)}"
    files = [record for record in subject.listing.files if record.kind == "file"]
    if files:
        total = sum(record.size for record in files)
        count = "1 file" if len(files) == 1 else f"{len(files)} files"
        yield f"  payload  {count}, {human_size(total)} unpacked"


def _biggest(files: Iterable["FileRecord"]) -> Iterable[str]:
    """Give the top-level places that take most of the unpacked space."""
    sizes: Counter[str] = Counter()
    for record in files:
        if record.kind == "file":
            top, slash, _ = record.path.partition("/")
            sizes[top + slash] += record.size
    total = max(1, sizes.total())
    rows = sizes.most_common(_ROWS)
    if rows:
        yield ""
        yield "  what takes the space, unpacked"
    for place, size in rows:
        yield f"  {human_size(size):>10}  {100 * size / total:5.1f} %  {place}"
    if len(sizes) > _ROWS:
        rest = total - sum(size for _, size in rows)
        yield f"  {human_size(rest):>10}  {100 * rest / total:5.1f} %  {len(sizes) - _ROWS} more (--files lists all)"


def _listing(files: Iterable["FileRecord"]) -> Iterable[str]:
    kinds = {"file": "-", "directory": "d", "symlink": "l"}
    for record in files:
        arrow = f" -> {record.target}" if record.kind == "symlink" else ""
        yield f"{kinds[record.kind]} {record.mode:04o} {record.size:>12} {record.path}{arrow}"


def _told_commands(subject: _Subject, *, whole: bool) -> Iterable[str]:
    commands = {action: text for action, text in (_commands(subject) or {}).items() if text is not None}
    if not commands:
        return
    yield ""
    if not whole:
        lengths = ", ".join(f"{action} {len(text)}" for action, text in commands.items())
        yield f"  commands for the gallery, in characters: {lengths} (--commands prints them)"
        return
    for action, text in commands.items():
        yield f"  {action}"
        yield f"    {text}"


def _commands(subject: _Subject) -> dict[str, str | None] | None:
    """Give the release's commands, or those that follow from a package's manifest, name and digest."""
    if subject.release:
        return subject.release.commands.as_json()
    document = subject.listing.manifest or {}
    actions, name, system = document.get("actions"), document.get("name"), document.get("os")
    if isinstance(actions, dict):
        return {action: actions.get(action) for action in ACTIONS}
    if not (subject.sha256 and isinstance(name, str) and system in ("linux", "windows")):
        return None
    from vmpack.errors import TemplateError
    from vmpack.installer.command_lines import generated

    try:
        return generated(
            name, system, file_name=subject.name, sha256=subject.sha256, size=subject.size
        ).as_json()
    except TemplateError:
        return None


def _document(subject: _Subject) -> dict[str, Any]:
    return {
        "schemaVersion": 1,
        "package": {
            "fileName": subject.name,
            "size": subject.size,
            "sha256": subject.sha256 or None,
            "container": subject.listing.container,
        },
        "manifest": subject.listing.manifest,
        "commands": _commands(subject),
        "files": [
            {
                "path": record.path,
                "kind": record.kind,
                "mode": f"{record.mode:04o}",
                "size": record.size,
                "sha256": record.sha256 or None,
                "target": record.target or None,
            }
            for record in subject.listing.files
        ],
    }
