"""What remove left behind, in words: files, users, services, cron, hosts lines (facts: targets, section 4)."""

import fnmatch
from collections.abc import Iterable, Sequence

from vmpack.vm.model import Leftover, LeftoverKind
from vmpack.vm.sandbox.model import Change, GuestProcess, Sandbox

NOISE = (
    "/var/lib/waagent",
    "/var/log/azure",
    "/etc/.pwd.lock",
    "/etc/passwd-",
    "/etc/group-",
    "/etc/shadow-",
    "/etc/gshadow-",
    "/etc/subuid*",
    "/etc/subgid*",
    "/etc/ld.so.cache",
    "/etc/machine-id",
    "/etc/mtab",
    "/etc/resolv.conf",
    "/var/cache/ldconfig",
    "/var/cache/apt",
    "/var/cache/debconf",
    "/var/cache/man",
    "/var/cache/dnf",
    "/var/cache/yum",
    "/var/lib/apt",
    "/var/lib/dpkg",
    "/var/lib/dnf",
    "/var/lib/rpm",
    "/usr/lib/sysimage/rpm",
    "/var/lib/systemd",
    "/var/lib/dbus/machine-id",
    "/var/log/apt",
    "/var/log/dpkg.log",
    "/var/log/alternatives.log",
    "/var/log/journal",
    "/var/log/wtmp",
    "/var/log/btmp",
    "/var/log/lastlog",
    "/var/log/faillog",
    "/var/mail",
    "/var/spool/mail",
    "/run",
    "/dev",
    "/proc",
    "/sys",
    "/tmp/systemd-private-*",  # noqa: S108
    "/var/tmp/systemd-private-*",  # noqa: S108
    "*/__pycache__",
)
"""What changes by itself or belongs to the system's own book-keeping; each covers everything below it."""

_LINES = {
    "/etc/passwd": "user",
    "/etc/group": "group",
    "/etc/hosts": "hosts",
    "/etc/crontab": "cron",
}
_BY_CONTENT = {"/etc/shadow", "/etc/gshadow"}
_CRON = ("/etc/cron*", "/var/spool/cron/*", "/etc/anacrontab")
_SERVICES = (
    "/etc/systemd/system/*",
    "/lib/systemd/system/*",
    "/usr/lib/systemd/system/*",
    "/usr/local/lib/systemd/system/*",
    "/etc/init.d/*",
    "/etc/rc*.d/*",
)


def leftovers(
    box: Sandbox,
    changes: Sequence[Change],
    processes: Iterable[GuestProcess] = (),
    retains: Sequence[str] = (),
) -> tuple[Leftover, ...]:
    """Judge what differs from the pristine system after everything was removed.

    Noise and declared paths (``retains``, with everything below them and the empty folders above) do not count.
    Lines of passwd, group, hosts and crontab are told one by one.
    """
    found: list[Leftover] = []
    for change in changes:
        if covered(change.path, NOISE) or covered(change.path, retains) or change.path in _BY_CONTENT:
            continue
        if change.node == "directory" and change.kind == "added" and _leads_to(change.path, retains):
            continue
        if change.path in _LINES and change.kind == "changed" and "content" in change.what:
            found += _lines(box, change.path)
        elif not _inside_reported(change.path, found):
            detail = f"changed: {change.what}" if change.kind == "changed" else change.kind
            found.append(Leftover(_kind(change.path), change.path, detail))
    found += [Leftover("process", process.command, f"pid {process.pid}") for process in processes]
    return tuple(found)


def significant(changes: Iterable[Change], retains: Sequence[str] = ()) -> tuple[Change, ...]:
    """Drop the noise and what a release declares."""
    return tuple(
        change
        for change in changes
        if not covered(change.path, NOISE)
        and not covered(change.path, retains)
        and not (change.node == "directory" and change.kind == "added" and _leads_to(change.path, retains))
    )


def covered(path: str, patterns: Sequence[str]) -> bool:
    """Tell whether one of the patterns names the path or a folder above it."""
    return any(_matches(path, pattern.rstrip("/")) for pattern in patterns)


def _matches(path: str, pattern: str) -> bool:
    if path == pattern or path.startswith(f"{pattern}/"):
        return True
    return "*" in pattern and (
        fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(path, f"{pattern}/*")
    )


def _leads_to(folder: str, retains: Sequence[str]) -> bool:
    return any(path.startswith(f"{folder}/") for path in retains)


def _inside_reported(path: str, found: Sequence[Leftover]) -> bool:
    return any(item.detail in ("added", "deleted") and path.startswith(f"{item.what}/") for item in found)


def _lines(box: Sandbox, path: str) -> list[Leftover]:
    before = (box.pristine(path) or b"").decode(errors="replace").splitlines()
    after = (box.read(path) or b"").decode(errors="replace").splitlines()
    kind: LeftoverKind = _LINES[path]  # type: ignore[assignment]
    told = [(line, "added") for line in after if line not in before]
    told += [(line, "deleted") for line in before if line not in after]
    if kind in ("user", "group"):
        return [Leftover(kind, line.split(":")[0], _account(line, how, told)) for line, how in told]
    return [Leftover(kind, path, f"line {how}: {line}") for line, how in told]


def _account(line: str, how: str, told: Sequence[tuple[str, str]]) -> str:
    """Tell a changed account (same name deleted and added) from a new one."""
    name = line.split(":", maxsplit=1)[0]
    both = {other_how for other, other_how in told if other.split(":")[0] == name}
    return f"line {how}: {line}" if len(both) == 2 else how


def _kind(path: str) -> LeftoverKind:
    if any(fnmatch.fnmatchcase(path, pattern) for pattern in _CRON):
        return "cron"
    if any(fnmatch.fnmatchcase(path, pattern) for pattern in _SERVICES):
        return "service"
    return "file"
