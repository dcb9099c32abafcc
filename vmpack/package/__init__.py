"""From entries and scripts to bytes: segments, frames, containers, limits, cache; and back to a listing.

What writes packages is imported when it is first used, and so is what reads them: each user needs one of the two, and
publishing neither.
"""

from typing import TYPE_CHECKING

from vmpack.lazy import loader

if TYPE_CHECKING:
    from vmpack.package.limits import check_config, size_warnings
    from vmpack.package.read import PackageListing, read_file_package, read_package
    from vmpack.package.verify import verify_payload
    from vmpack.package.write import write_package

__all__ = [
    "PackageListing",
    "check_config",
    "read_file_package",
    "read_package",
    "size_warnings",
    "verify_payload",
    "write_package",
]

__getattr__ = loader(
    __name__,
    {
        "PackageListing": "read",
        "check_config": "limits",
        "read_file_package": "read",
        "read_package": "read",
        "size_warnings": "limits",
        "verify_payload": "verify",
        "write_package": "write",
    },
)
