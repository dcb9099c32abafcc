"""Tell what changed, from an overlay's upper layer or from two walks of a whole file system.

Uses the standard library only and imports nothing of vmpack: it also runs as a script of its own, as another user
or inside a user namespace, where the layer can be read: ``python -I _survey.py PAIRS`` with PAIRS as JSON
``[[upper, lower or null, mount point], ...]`` prints the changes as JSON.
"""

import filecmp
import json
import os
import stat
import sys
from collections.abc import Iterator
from typing import Literal

Kind = Literal["added", "changed", "deleted"]
Row = tuple[str, Kind, str, str, int, str, str]
"""The fields of ``Change`` in order."""

_NODES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}


def survey(upper: str, lower: str | None, mount: str) -> Iterator[Row]:
    """Walk one upper layer; ``lower`` is None where nothing lay beneath."""
    root = os.lstat(upper)
    if lower is not None:
        yield from _changed(mount, os.path.join(lower, "."), lower, root, os.lstat(lower))
    yield from _walk(upper, lower, mount.rstrip("/"))


def _walk(upper: str, lower: str | None, path: str) -> Iterator[Row]:
    opaque = _is_opaque(upper)
    names = sorted(os.listdir(upper))
    for name in names:
        yield from _entry(os.path.join(upper, name), lower and os.path.join(lower, name), f"{path}/{name}")
    if opaque and lower is not None and os.path.isdir(lower):
        for name in sorted(set(os.listdir(lower)) - set(names)):
            yield from _deleted(os.path.join(lower, name), f"{path}/{name}")


def _entry(upper: str, lower: str | None, path: str) -> Iterator[Row]:
    new = os.lstat(upper)
    old = _lstat(lower) if lower else None
    if stat.S_ISCHR(new.st_mode) and new.st_rdev == 0:
        if lower and old:
            yield from _deleted(lower, path)
        return
    if old is None or lower is None:
        yield _row(path, "added", new)
    elif stat.S_IFMT(new.st_mode) != stat.S_IFMT(old.st_mode):
        yield from _deleted(lower, path)
        yield _row(path, "added", new)
        lower = None
    else:
        yield from _changed(path, upper, lower, new, old)
    if stat.S_ISDIR(new.st_mode):
        yield from _walk(upper, lower, path)


def _changed(path: str, upper: str, lower: str, new: os.stat_result, old: os.stat_result) -> Iterator[Row]:
    told = []
    if stat.S_IMODE(new.st_mode) != stat.S_IMODE(old.st_mode):
        told.append(f"mode {stat.S_IMODE(old.st_mode):04o} -> {stat.S_IMODE(new.st_mode):04o}")
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        told.append(f"owner {old.st_uid}:{old.st_gid} -> {new.st_uid}:{new.st_gid}")
    if not _same_content(upper, lower, new, old):
        told.append("content")
    if told:
        yield _row(path, "changed", new, ", ".join(told))


def _same_content(upper: str, lower: str, new: os.stat_result, old: os.stat_result) -> bool:
    if stat.S_ISREG(new.st_mode):
        return new.st_size == old.st_size and filecmp.cmp(upper, lower, shallow=False)
    if stat.S_ISLNK(new.st_mode):
        return os.readlink(upper) == os.readlink(lower)
    return True


def _deleted(lower: str, path: str) -> Iterator[Row]:
    old = os.lstat(lower)
    yield _row(path, "deleted", old)
    if stat.S_ISDIR(old.st_mode):
        for name in sorted(os.listdir(lower)):
            yield from _deleted(os.path.join(lower, name), f"{path}/{name}")


def _row(path: str, kind: Kind, info: os.stat_result, what: str = "") -> Row:
    node = _NODES.get(stat.S_IFMT(info.st_mode), "device")
    stamp = f"{info.st_size}:{info.st_mtime_ns}:{info.st_ctime_ns}" if node == "file" else ""
    return (path, kind, node, what, stat.S_IMODE(info.st_mode), f"{info.st_uid}:{info.st_gid}", stamp)


def _lstat(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is_opaque(path: str) -> bool:
    for name in ("trusted.overlay.opaque", "user.overlay.opaque"):
        try:
            if os.getxattr(path, name) == b"y":
                return True
        except OSError:
            continue
    return False


def main(argument: str) -> str:
    """Survey several layers given as JSON; give the rows as JSON."""
    return json.dumps([row for pair in json.loads(argument) for row in survey(*pair)])


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1]))
