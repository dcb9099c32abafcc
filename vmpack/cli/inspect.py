"""``vmpack inspect``: what is in a package, and what eats the gigabyte."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vmpack.cli.console import Console, human_size, pass_console
from vmpack.cli.options import json_option
from vmpack.errors import UsageError
from vmpack.limits import DEFAULT

if TYPE_CHECKING:
    from vmpack.package.model import FileRecord
    from vmpack.package.read import PackageListing
    from vmpack.release.model import Release

_ROWS = 10


@dataclass(frozen=True, slots=True)
class _Subject:
    name: str
    size: int
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
    if subject.release:
        for line in _commands(subject.release, whole=show_commands):
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

    return _Subject(path.name, path.stat().st_size, read_file_package(path), release)


def _open_url(url: str) -> _Subject:
    from vmpack.package import read_package
    from vmpack.publish.remote import open_url

    read_at, size = open_url(url)
    return _Subject(Path(url.partition("?")[0]).name, size, read_package(read_at, size))


def _overview(subject: _Subject) -> Iterable[str]:
    manifest = subject.listing.manifest
    if manifest is None:
        yield f"{subject.name}: no package made by vmpack, or a file that was passed through untouched"
    else:
        yield f"{manifest.get('name')} {manifest.get('version')} for {manifest.get('os')}"
    share = 100 * subject.size / DEFAULT.package_bytes
    yield f"  package  {subject.name}  {human_size(subject.size)}, {share:.1f} % of the 1 GiB allowed"
    if subject.release:
        yield f"  sha256   {subject.release.package.sha256}"
        if subject.release.config:
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


def _commands(release: "Release", *, whole: bool) -> Iterable[str]:
    commands = {action: text for action, text in release.commands.as_json().items() if text is not None}
    yield ""
    if not whole:
        lengths = ", ".join(f"{action} {len(text)}" for action, text in commands.items())
        yield f"  commands for the gallery, in characters: {lengths} (--commands prints them)"
        return
    for action, text in commands.items():
        yield f"  {action}"
        yield f"    {text}"


def _document(subject: _Subject) -> dict[str, Any]:
    release = subject.release
    return {
        "schemaVersion": 1,
        "package": {
            "fileName": subject.name,
            "size": subject.size,
            "sha256": release.package.sha256 if release else None,
            "container": subject.listing.container,
        },
        "manifest": subject.listing.manifest,
        "commands": release.commands.as_json() if release else None,
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
