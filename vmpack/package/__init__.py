"""From entries and scripts to bytes: segments, frames, containers, limits, cache; and back to a listing.

What writes packages is imported when it is first used, and so is what reads them: each user needs one of the two, and
publishing neither.
"""

from typing import TYPE_CHECKING

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

_HOMES = {
    "check_config": "limits",
    "size_warnings": "limits",
    "verify_payload": "verify",
    "write_package": "write",
}
"""The modules of names; ``read`` for the others."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'read')}"), name)
    globals()[name] = found
    return found
