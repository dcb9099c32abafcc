"""The unprivileged sandbox: a user namespace with subordinate ids, and an overlay over a cached root file system.

Needs uidmap (newuidmap), a range of ids in /etc/subuid and /etc/subgid, and mmdebstrap to build the root file system
once. Where AppArmor restricts user namespaces (Ubuntu 23.10 and later), its sysctl must allow them.
"""

import os
from pathlib import Path
from typing import ClassVar

from vmpack.vm.sandbox.guest import USER_NAMESPACE
from vmpack.vm.sandbox.model import SandboxKind
from vmpack.vm.sandbox.overlay import Layers, OverlaySandbox
from vmpack.vm.sandbox.rootfs import rootfs


class UsernsSandbox(OverlaySandbox):
    """A minimal Debian of the user's own."""

    kind: SandboxKind = "userns"
    _user_namespace: ClassVar[tuple[str, ...]] = USER_NAMESPACE

    def _elevation(self) -> tuple[str, ...]:
        return ()

    def _find_layers(self) -> Layers:
        # Only user.* attributes may be written in a user namespace; tmpfs has them since Linux 6.6. There are no
        # redirects with them.
        return Layers(lower=str(rootfs()), options=",userxattr")

    def _describe(self) -> str:
        return "minimal Debian in a user namespace"

    def _survey_prefix(self) -> list[str]:
        return ["nsenter", "-t", str(self._first), "-U", "--"]

    def pristine(self, path: str) -> bytes | None:
        """Give a file's bytes as they were before anything was changed, or None."""
        found = super().pristine(path)
        if found is None and os.path.exists(self._layers.lower + path):
            return self.run(["/bin/cat", "--", path]).stdout
        return found


def allowed() -> bool:
    """Tell whether /etc/subuid and /etc/subgid give this user a range."""
    import pwd

    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
        lines = [Path(path).read_text().splitlines() for path in ("/etc/subuid", "/etc/subgid")]
    except (KeyError, OSError):
        return False
    return all(any(line.split(":")[0] in (name, str(os.geteuid())) for line in some) for some in lines)
