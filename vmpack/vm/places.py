"""What a system can be like: without zstd, read-only, full, noexec. Done to a sandbox, by privileged scripts."""

from vmpack.errors import VerificationError
from vmpack.vm.agent import Work
from vmpack.vm.sandbox.model import Sandbox
from vmpack.vm.scenarios import Place, Trouble

_WITHOUT = """
for folder in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do
    for name do rm -f "$folder"/$name; done
done
"""
_SCRIPTS: dict[Place, str] = {
    "no zstd": f"set -- 'zstd*' 'unzstd' 'pzstd'; {_WITHOUT}",
    "no zstd and no python": f"set -- 'zstd*' 'unzstd' 'pzstd' 'python3*' 'python'; {_WITHOUT}\n"
    "rm -f /usr/libexec/platform-python*",
    "read-only": """
while read -r _ place type _; do
    [ "$type" != overlay ] || [ ! -d "$place" ] || mount -o remount,bind,ro "$place" || exit
done </proc/mounts
""",
    # /tmp lies on the tmpfs that holds all writes: shrink that to what is used and four pages.
    "full": """
used=$(df -Pk /tmp | awk 'NR == 2 { print $3 }') && mount -o "remount,size=$((used + 16))k" /tmp
""",
    "repaired": """
mount -o remount,size=50% /tmp
while read -r _ place type _; do
    [ "$type" != overlay ] || [ ! -d "$place" ] || mount -o remount,bind,rw "$place" || exit
done </proc/mounts
""",
    "noexec": """
for place in /tmp /var/tmp /var/lib/waagent; do mount -o remount,bind,noexec "$place" || exit; done
mount --rbind /var /var && mount -o remount,bind,noexec /var
""",
}
_DAMAGE: dict[Trouble, str] = {
    "truncated": 'truncate -s "$(($(stat -c %s "$1") / 2))" "$1"',
    "corrupted": """
at=$(($(stat -c %s "$1") / 2))
byte=$(dd if="$1" bs=1 skip="$at" count=1 2>/dev/null | od -An -tu1)
printf "\\\\$(printf %o $((byte ^ 1)))" | dd of="$1" bs=1 seek="$at" conv=notrunc 2>/dev/null
""",
}


def make(box: Sandbox, place: Place) -> None:
    """Turn the system into such a place."""
    _do(box, _SCRIPTS[place], [], f"make the sandbox '{place}'")


def damage(box: Sandbox, work: Work, trouble: Trouble) -> None:
    """Damage the package that was just downloaded; a missing one is a matter of the download."""
    if trouble != "missing":
        path = f"{work.folder}/{work.action.entry.package_file_name}"
        _do(box, _DAMAGE[trouble], [path], f"leave the package {trouble}")


def _do(box: Sandbox, script: str, arguments: list[str], what: str) -> None:
    done = box.run(["/bin/sh", "-c", script, "sh", *arguments], privileged=True)
    if done.code:
        raise VerificationError(f"could not {what}", why=done.text(), rule="sandbox-failed")
