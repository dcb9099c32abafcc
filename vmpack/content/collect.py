"""From a folder and its patterns to the flat, sorted list of what is packed."""

import os
import stat
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

from vmpack.content.links import link_problems
from vmpack.content.model import Content, Entry
from vmpack.content.names import collisions, name_problems
from vmpack.content.problems import PayloadError, problem
from vmpack.content.select import Patterns
from vmpack.content.walk import Walk, kind_name, readable
from vmpack.errors import BuildError, LimitError
from vmpack.findings import Finding
from vmpack.manifest.model import Payload
from vmpack.stamps import Stamp, stamp_of
from vmpack.types import Os

_KIND = stat.S_IFMT(0o777777)
_REPOSITORIES = (".git", ".hg", ".svn")


def collect(payload: Payload, folder: Path, target_os: Os, *, skip: tuple[Path, ...] = ()) -> Content:
    """List what ``payload`` packs from below ``folder``, for a machine with ``target_os``.

    ``skip`` names folders that are never entered, such as the one that the release is written to. A root that
    is a file gives that file alone.

    Raises PayloadError (a BuildError) with every unusable path at once, and LimitError when no file is left.
    """
    root = os.path.join(os.path.abspath(folder), payload.root)
    if os.path.isfile(root):
        return _single(os.path.abspath(root))
    if not os.path.isdir(root):
        raise BuildError(
            "the payload's root is not a folder",
            remedy="Set payload.root to a folder, relative to the manifest.",
            where=root,
            rule="payload-root",
        )
    root = os.path.abspath(root)
    gather = _Gather(root, payload, target_os, os.path.abspath(folder))
    entries = gather.entries({os.path.abspath(place) for place in skip})
    if gather.problems:
        raise PayloadError(root, sorted(gather.problems, key=lambda finding: finding.file))
    size = sum(entry.size for entry in entries)
    if not any(entry.kind == "file" for entry in entries):
        raise LimitError(
            "the payload holds no file",
            why="The gallery refuses an empty package.",
            remedy="Check payload.root, include, exclude and .vmpackignore.",
            where=root,
            rule="limit-empty",
        )
    return Content(root, tuple(entries), size, tuple(_repository_warnings(entries)), tuple(gather.seen))


def _single(path: str) -> Content:
    status = os.stat(path)
    mode = 0o755 if status.st_mode & 0o111 else 0o644
    entry = Entry(os.path.basename(path), "file", mode, status.st_size, "", stamp_of(status))
    return Content(os.path.dirname(path), (entry,), status.st_size)


class _Gather:
    """Turns what the walk finds into entries, and what cannot be packed into problems."""

    def __init__(self, root: str, payload: Payload, target_os: Os, folder: str) -> None:
        self.problems: list[Finding] = []
        self.seen: list[tuple[str, Stamp]] = []
        self._root = root
        self._os = target_os
        self._payload = payload
        self._folder = folder
        self._executable = Patterns(payload.executable, "payload.executable")
        self._targets: dict[str, str] = {}

    def entries(self, skip: set[str]) -> list[Entry]:
        """Give every entry, sorted, and the problems of all of them."""
        include = Patterns(self._payload.include, "payload.include")
        exclude = Patterns(self._payload.exclude, "payload.exclude")
        walk = Walk(self._root, include, exclude, skip, self._folder)
        entries: list[Entry] = []
        passing: list[Entry] = []
        for path, status, wanted in walk:
            entry = self._entry(path, status)
            if entry is not None:
                (entries if wanted else passing).append(entry)
        if passing:
            entries += _needed(passing, entries)
        entries.sort(key=itemgetter(0))
        self.problems.extend(name_problems([entry.path for entry in entries], self._os))
        self.problems += walk.problems
        self.seen = walk.seen
        self.problems.extend(collisions((entry.path for entry in entries), self._os))
        self.problems.extend(link_problems(self._targets))
        return entries

    def _entry(self, path: str, status: os.stat_result | None) -> Entry | None:
        if status is None:
            return Entry(path, "directory", 0o755)
        mode = status.st_mode
        if mode & _KIND == stat.S_IFREG:
            if mode & 0o444 != 0o444 and not readable(self._root, path, status):
                self._problem("payload-unreadable", path, "cannot be read: permission denied")
            runs = mode & 0o111 or (not self._executable.is_empty and self._executable.match(path))
            return Entry(path, "file", 0o755 if runs else 0o644, status.st_size, "", stamp_of(status))
        if stat.S_ISLNK(mode):
            return self._link(path)
        self._problem("payload-kind", path, f"is {kind_name(mode)}", "Exclude it.")
        return None

    def _link(self, path: str) -> Entry | None:
        if self._os == "windows":
            self._problem("payload-link", path, "is a link, which a zip for Windows cannot hold")
            return None
        target = os.readlink(os.path.join(self._root, path)).replace(os.sep, "/")
        if list(name_problems([target], "linux")):
            self._problem("payload-link", path, "is a link to a path that cannot be stored")
            return None
        self._targets[path] = target
        return Entry(path, "symlink", 0o777, 0, target)

    def _problem(self, rule: str, path: str, message: str, help: str = "") -> None:  # noqa: A002
        self.problems.append(problem(rule, path, message, help))


def _needed(folders: list[Entry], entries: list[Entry]) -> Iterator[Entry]:
    """Give the folders that no pattern names but that something included lies in."""
    parents: set[str] = set()
    for entry in entries:
        parent = entry.path.rpartition("/")[0]
        while parent and parent not in parents:
            parents.add(parent)
            parent = parent.rpartition("/")[0]
    return (folder for folder in folders if folder.path in parents)


def _repository_warnings(entries: list[Entry]) -> Iterator[Finding]:
    for entry in entries:
        if entry.kind == "directory" and entry.path.rpartition("/")[2] in _REPOSITORIES:
            message = f"{entry.path} is packed: the history of a repository is rarely meant to be installed"
            help_text = f'Add "{entry.path}/" to payload.exclude, or write it into .vmpackignore.'
            yield Finding("payload-repository", "warning", message, help_text, entry.path)
