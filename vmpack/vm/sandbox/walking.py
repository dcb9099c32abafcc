"""What changed, told by walking the file system before and after: for sandboxes whose layers cannot be read.

Needs GNU find inside, as every distribution that Azure endorses has it.
"""

from vmpack.errors import VerificationError
from vmpack.values import dataclass, replace
from vmpack.vm.sandbox.guest import Guest
from vmpack.vm.sandbox.model import Change

_SKIPPED = ("/proc", "/sys", "/dev", "/run")
_KEPT = ("/etc/passwd", "/etc/group", "/etc/hosts", "/etc/crontab")
"""Files whose lines are compared one by one."""
_HASH = "find /etc -xdev -type f -size -1024k -exec sha256sum -z -- {} +"
_TYPES = {"f": "file", "d": "directory", "l": "symlink", "p": "fifo", "s": "socket"}


@dataclass(frozen=True, slots=True)
class _Node:
    kind: str
    mode: int
    owner: str
    size: int
    times: str
    target: str
    digest: str = ""


class WalkingGuest(Guest):
    """A sandbox that is surveyed with ``find``."""

    def remember(self) -> None:
        """Take the present state as the pristine one; subclasses call this once everything is in place."""
        self._before = self._walk()
        self._texts = {path: self.read(path) for path in _KEPT}

    def changes(self) -> tuple[Change, ...]:
        """Tell everything that differs from the pristine system, sorted by path."""
        after = self._walk()
        found = []
        for path in sorted(self._before.keys() | after.keys()):
            change = _compare(path, self._before.get(path), after.get(path))
            if change:
                found.append(change)
        return tuple(found)

    def pristine(self, path: str) -> bytes | None:
        """Give a file's bytes as they were; known for the files whose lines are compared, None for all others."""
        return self._texts.get(path)

    def _walk(self) -> dict[str, _Node]:
        prune = [word for path in _SKIPPED for word in ("-path", path, "-o")][:-1]
        form = "%y\\t%m\\t%U:%G\\t%s\\t%T@ %C@\\t%l\\t%p\\0"
        argv = ["find", "/", "-xdev", "(", *prune, ")", "-prune", "-o", "-printf", form]
        done = self.run(argv, privileged=True)
        if not done.stdout:
            raise VerificationError(
                "the sandbox cannot be surveyed",
                why=done.text()[-300:],
                rule="sandbox-unavailable",
                remedy="The image needs GNU find.",
            )
        nodes = {}
        for line in done.stdout.decode(errors="surrogateescape").split("\0")[:-1]:
            kind, mode, owner, size, times, target, path = line.split("\t", 6)
            nodes[path] = _Node(
                _TYPES.get(kind, "device"),
                int(mode, 8),
                owner,
                int(size) if kind == "f" else 0,
                times,
                target,
            )
        for line in (
            self.run(["/bin/sh", "-c", _HASH], privileged=True)
            .stdout.decode(errors="surrogateescape")
            .split("\0")
        ):
            digest, _, path = line.partition("  ")
            if path in nodes:
                nodes[path] = replace(nodes[path], digest=digest)
        return nodes


def _compare(path: str, old: _Node | None, new: _Node | None) -> Change | None:
    if new is None:
        return Change(path, "deleted", old.kind) if old else None
    stamp = f"{new.size}:{new.times}" if new.kind == "file" else ""
    if old is None or old.kind != new.kind:
        return Change(path, "added", new.kind, "", new.mode, new.owner, stamp)
    told = []
    if old.mode != new.mode:
        told.append(f"mode {old.mode:04o} -> {new.mode:04o}")
    if old.owner != new.owner:
        told.append(f"owner {old.owner} -> {new.owner}")
    if _content_differs(old, new):
        told.append("content")
    return Change(path, "changed", new.kind, ", ".join(told), new.mode, new.owner, stamp) if told else None


def _content_differs(old: _Node, new: _Node) -> bool:
    if new.kind == "symlink":
        return old.target != new.target
    if new.kind != "file":
        return False
    if old.digest and new.digest:
        return old.digest != new.digest
    return (old.size, old.times) != (new.size, new.times)
