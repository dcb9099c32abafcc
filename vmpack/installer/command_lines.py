"""The three strings that the gallery stores and the agent runs.

They are constants but for a name, a file name, a number and a digest, none of which can hold a character that a
shell knows. The agent runs a command even when the download failed, so install and update begin by asking
whether the package is there, whole, and the one that was built.

On Linux only ``lifecycle/`` is unpacked; the payload is read from the package itself, so a gigabyte does not lie
on the disk twice. (busybox's tar unpacks a folder by name, but calls it not found: then everything is unpacked.)
"""

import re

from vmpack.errors import TemplateError
from vmpack.installer.model import Commands
from vmpack.manifest.model import Manifest
from vmpack.types import Action, Os

UNPACKED = "vmpack-unpacked"
"""The fresh sub-folder of the download folder; never a name that the agent itself writes there."""
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

_LINUX = """\
p=./@FILE@; d=./@UNPACKED@; s=@SHA256@; \
e() { echo "vmpack: $2" >&2; exit "$1"; }; \
PATH=${PATH:-/bin}:/usr/sbin:/usr/bin:/sbin:/bin; export PATH; umask 077; \
[ -s "$p" ] || e 10 "the package @FILE@ is missing or empty: its download failed"; \
h=$(sha256sum <"$p" 2>/dev/null || openssl dgst -sha256 -r <"$p" 2>/dev/null || \
python3 -c 'import hashlib,sys; h=hashlib.sha256(); \
[h.update(b) for b in iter(lambda: sys.stdin.buffer.read(1<<20), b"")]; print(h.hexdigest())' <"$p") || \
e 12 "neither sha256sum nor openssl nor python3 is here to check the package"; \
[ "${h%% *}" = "$s" ] || e 11 "the package @FILE@ is not the one that was built: another sha256, @SIZE@ bytes expected"; \
{ rm -rf "$d" && mkdir "$d" && { tar -xf "$p" -C "$d" lifecycle 2>/dev/null || tar -xf "$p" -C "$d"; }; } || \
e 13 "the package cannot be unpacked here: is the disk full or read-only?"; \
exec /bin/sh "$d/lifecycle/@ACTION@.sh" "$p"\
"""

_LINUX_REMOVE = """\
s=/var/lib/vmpack/@NAME@; \
PATH=${PATH:-/bin}:/usr/sbin:/usr/bin:/sbin:/bin; export PATH; \
if [ -f "$s/lifecycle/remove.sh" ]; then exec /bin/sh "$s/lifecycle/remove.sh"; fi; \
echo "vmpack: @NAME@ is not installed, nothing to remove"; rm -rf "$s" @UNPACKED@\
"""


def commands(manifest: Manifest, *, file_name: str, sha256: str, size: int) -> Commands:
    """Give the commands for a finished package; verbatim ``actions`` are handed through.

    ``file_name`` is the package's name on the VM, ``sha256`` its digest in hex, ``size`` its bytes.
    """
    if manifest.actions:
        actions = manifest.actions
        return Commands(install=actions.install, update=actions.update, remove=actions.remove)
    try:
        return generated(manifest.name, manifest.os, file_name=file_name, sha256=sha256, size=size)
    except TemplateError as error:
        error.where = str(manifest.source.path)
        raise


def generated(name: str, os: Os, *, file_name: str, sha256: str, size: int) -> Commands:
    """Give the commands that an installer's package gets; they depend on nothing else."""
    words = {"NAME": name, "FILE": file_name, "SHA256": sha256, "SIZE": str(size), "UNPACKED": UNPACKED}
    for word in words.values():
        if not _PLAIN.fullmatch(word):
            raise TemplateError(
                f"{word!r} cannot stand in a command",
                why="Only letters, digits, dot, underscore and hyphen mean nothing to sh and to cmd.",
            )
    if os == "windows":
        from vmpack.installer.command_lines_windows import REMOVE, RUN

        return _filled(RUN, REMOVE, words)
    return _filled(_LINUX, _LINUX_REMOVE, words)


def _filled(run: str, remove: str, words: dict[str, str]) -> Commands:
    def fill(text: str, action: Action) -> str:
        for key, word in (words | {"ACTION": action}).items():
            text = text.replace(f"@{key}@", word)
        return text

    return Commands(install=fill(run, "install"), update=fill(run, "update"), remove=fill(remove, "remove"))
