"""Files and folders that are there whole or not at all, for several writers at once.

A new folder is filled beside its final place and exchanged with what stands there in one system call. A process
that is killed leaves a hidden folder behind; whoever builds there next finds it unlocked and removes it.
"""

import contextlib
import errno
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_PREFIX = ".vmpack-new-"
_LOCKED_WITHIN = 10
"""Seconds after which a living build certainly holds its lock; a younger folder is left alone."""
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


@contextlib.contextmanager
def replaced_folder(final: Path) -> Iterator[Path]:
    """Give an empty folder to fill; at the end of the block it becomes ``final``, on an error it vanishes.

    The parents of ``final`` are made, and removed again after an error if this call made them. Raises
    NotADirectoryError before anything is done where ``final`` is something else than a folder.
    """
    if final.is_symlink() or (final.exists() and not final.is_dir()):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(final))
    made = _make_parents(final.parent)
    _remove_abandoned(final.parent)
    staging = final.parent / f"{_PREFIX}{os.urandom(8).hex()}"
    staging.mkdir()
    lock = _lock(staging)
    try:
        yield staging
        staging.chmod(0o755)
        _exchange(staging, final)
    except BaseException:
        _remove(staging)
        for folder in reversed(made):
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise
    finally:
        if lock is not None:
            os.close(lock)
    _remove(staging)


def _make_parents(folder: Path) -> list[Path]:
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _lock(folder: Path) -> int | None:
    """Hold a lock that ends with this process; None where folders cannot be locked."""
    if sys.platform == "win32":
        return None
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime < _LOCKED_WITHIN:
                continue
            lock = _lock(folder)
            if lock is not None:
                _remove(folder)
                os.close(lock)


def _remove(folder: Path) -> None:
    """Remove a folder as far as it can be; most hold nothing but files."""
    with contextlib.suppress(OSError):
        for item in os.scandir(folder):
            os.unlink(item)
        folder.rmdir()
        return
    import shutil  # loads every compression library there is

    shutil.rmtree(folder, ignore_errors=True)


def _exchange(staging: Path, final: Path) -> None:
    """Put ``staging`` where ``final`` is; what was there is at ``staging`` afterwards."""
    try:
        staging.rename(final)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.EACCES):
            raise
        if not _renameat2_exchange(staging, final):
            _exchange_in_two_steps(staging, final)


def _renameat2_exchange(one: Path, other: Path) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    done = renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    return bool(done == 0)


def _exchange_in_two_steps(staging: Path, final: Path) -> None:
    """Do without an atomic exchange: between the two renames nothing stands at ``final``, never half of it."""
    aside = staging.with_name(f"{staging.name}-old")
    final.rename(aside)
    try:
        staging.rename(final)
    except OSError:
        aside.rename(final)
        raise
    _remove(aside)


def write_whole(path: str, *parts: bytes | memoryview) -> None:
    """Write a file beside its place and rename it; raise OSError when that fails, leaving nothing behind."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{path}.{os.urandom(6).hex()}.tmp"
    try:
        with open(temporary, "xb", buffering=0) as file:
            for part in parts:
                _write_all(file.fileno(), part)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
