"""The walk over a payload: one ``scandir`` per folder, one ``stat`` per file, nothing opened, no link followed."""

import os
import stat
from collections.abc import Collection, Iterator

from vmpack.content.problems import problem
from vmpack.content.select import IGNORE_FILE, IgnoreRules, Patterns, compile_spec, ignored
from vmpack.findings import Finding
from vmpack.stamps import Stamp, stamp_of

Found = tuple[str, os.stat_result | None, bool]
"""A path that the patterns let through; its status (None for a folder: nothing of it is packed but its name); and
whether it is wanted (False for a folder that only an included path below it would bring in).

A bare tuple, because a payload may have 100,000 of them.
"""

_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)


class Walk:
    """Walks one payload; problems with folders and ignore files gather in ``problems``.

    ``seen`` gathers every folder and ignore file with its stamp.
    """

    def __init__(
        self, root: str, include: Patterns, exclude: Patterns, skip: Collection[str], folder: str
    ) -> None:
        """``folder`` is the manifest's; an ignore file there speaks of a payload below it too."""
        self.problems: list[Finding] = []
        self.seen: list[tuple[str, Stamp]] = []
        self._root = root
        self._include = include
        self._exclude = exclude
        self._skip = skip
        self._plain = include.everything and exclude.is_empty
        self._folder = folder

    def __iter__(self) -> Iterator[Found]:
        pending: list[tuple[str, tuple[IgnoreRules, ...]]] = [("", self._rules_above())]
        while pending:
            prefix, rules = pending.pop()
            try:
                folder = self._open(prefix)
            except OSError as error:
                self._unreadable(prefix or ".", error)
                continue
            try:
                yield from self._inside(folder, prefix, rules, pending)
            finally:
                if isinstance(folder, int):
                    os.close(folder)

    def _inside(
        self,
        folder: int | str,
        prefix: str,
        rules: tuple[IgnoreRules, ...],
        pending: list[tuple[str, tuple[IgnoreRules, ...]]],
    ) -> Iterator[Found]:
        """Give what lies in one folder; folders that are to be entered go to ``pending``."""
        listing = self._listing(folder, prefix)
        if IGNORE_FILE in [item.name for item in listing]:
            rules = self._with_rules(prefix, rules)
        filtered = bool(rules) or not self._plain
        for item in listing:
            name = item.name
            path = prefix + name
            if item.is_dir(follow_symlinks=False):
                inner = path + "/"
                if not self._skipped(path) and not (filtered and self._dropped(inner, rules)):
                    pending.append((inner, rules))
                    yield path, None, self._included(inner)
            elif name == IGNORE_FILE or (filtered and self._dropped(path, rules)):
                continue
            elif self._plain or self._include.match(path):
                try:
                    yield path, item.stat(follow_symlinks=False), True
                except OSError as error:
                    self._unreadable(path, error)

    def _open(self, prefix: str) -> int | str:
        """Open a folder, because what lies in it is found faster from there than from the root."""
        place = os.path.join(self._root, prefix)
        if os.scandir not in os.supports_fd:
            return place
        # A link may have taken the folder's place since it was listed (the root may be one); with a slash behind
        # its name it would be followed all the same.
        return os.open(place[:-1], _FLAGS | os.O_NOFOLLOW) if prefix else os.open(place, _FLAGS)

    def _listing(self, folder: int | str, prefix: str) -> list["os.DirEntry[str]"]:
        try:
            self.seen.append((os.path.join(self._root, prefix), stamp_of(os.stat(folder))))
            with os.scandir(folder) as scan:
                return list(scan)
        except OSError as error:
            self._unreadable(prefix or ".", error)
            return []

    def _skipped(self, path: str) -> bool:
        return bool(self._skip) and os.path.join(self._root, path) in self._skip

    def _dropped(self, path: str, rules: tuple[IgnoreRules, ...]) -> bool:
        return self._exclude.match(path) or ignored(path, rules)

    def _included(self, path: str) -> bool:
        return self._plain or self._include.match(path)

    def _rules_above(self) -> tuple[IgnoreRules, ...]:
        """Read the ignore file beside the manifest, where people look for it first."""
        inside = self._root.startswith(os.path.join(self._folder, ""))
        if not inside or not os.path.isfile(os.path.join(self._folder, IGNORE_FILE)):
            return ()
        way = os.path.relpath(self._root, self._folder).replace(os.sep, "/")
        return self._rules(os.path.join(self._folder, IGNORE_FILE), "", f"{way}/")

    def _with_rules(self, prefix: str, rules: tuple[IgnoreRules, ...]) -> tuple[IgnoreRules, ...]:
        return (*rules, *self._rules(prefix + IGNORE_FILE, prefix))

    def _rules(self, path: str, prefix: str, above: str = "") -> tuple[IgnoreRules, ...]:
        place = os.path.join(self._root, path)
        try:
            with open(place, encoding="utf-8-sig") as file:
                self.seen.append((place, stamp_of(os.fstat(file.fileno()))))
                lines = file.read().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            self._unreadable(path, error)
            return ()
        return (IgnoreRules(prefix, compile_spec(lines, path), above),)

    def _unreadable(self, path: str, error: Exception) -> None:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        self.problems.append(problem("payload-unreadable", path, f"cannot be read: {reason}"))


def readable(root: str, path: str, status: os.stat_result) -> bool:
    """Tell whether this process may open a file, asking the system only when it is not the owner's."""
    if not hasattr(os, "geteuid"):
        return True
    if status.st_mode & 0o400 and status.st_uid == os.geteuid():
        return True
    return os.access(os.path.join(root, path), os.R_OK)


def kind_name(mode: int) -> str:
    """Name what is neither file, folder nor link, in the words of ``ls``."""
    names = {
        stat.S_IFIFO: "a FIFO",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a character device",
        stat.S_IFBLK: "a block device",
    }
    return names.get(stat.S_IFMT(mode), "of an unknown kind")
