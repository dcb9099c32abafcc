"""From entries and scripts to bytes: segments, frames, containers, limits, cache; and back to a listing."""

from typing import TYPE_CHECKING, Any

from vmpack.package.limits import check_config, size_warnings
from vmpack.package.write import write_package

if TYPE_CHECKING:
    from vmpack.package.read import PackageListing, read_file_package, read_package
    from vmpack.package.verify import verify_payload

__all__ = [
    "PackageListing",
    "check_config",
    "read_file_package",
    "read_package",
    "size_warnings",
    "verify_payload",
    "write_package",
]


def __getattr__(name: str) -> Any:
    """Import what reads packages only for those who read: tarfile and zipfile are slow to load."""
    if name == "verify_payload":
        from vmpack.package.verify import verify_payload

        return verify_payload
    if name in __all__:
        from vmpack.package import read

        return getattr(read, name)
    raise AttributeError(name)
