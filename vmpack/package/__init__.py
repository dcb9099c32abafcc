"""From entries and scripts to bytes: segments, frames, containers, limits, cache."""

from vmpack.package.limits import check_config, size_warnings
from vmpack.package.write import write_package

__all__ = ["check_config", "size_warnings", "write_package"]
