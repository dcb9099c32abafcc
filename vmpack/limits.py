"""The service's limits as data: each figure with its source and date.

The preview's figures of October 2021 are the default; ``TODAY`` holds what is documented in August 2025.
Nobody documents whether a GB is 10^9 or 2^30 bytes: vmpack refuses above 2^30 and warns above 10^9.
"""

from vmpack.values import dataclass

GIB = 1 << 30
GB = 10**9


@dataclass(frozen=True, slots=True)
class Limits:
    """One set of figures; sizes in bytes, lengths in characters."""

    source: str
    package_bytes: int
    config_bytes: int
    applications_per_vm: int
    replicas_per_region: int
    command_length: int = 4096
    """Per install, update and remove command (UserArtifactManage, REST reference)."""
    version_part: int = 2**31 - 1
    name_length: int = 80
    """The REST reference says 80, the overview 117: the smaller one is safe."""
    file_name_bytes: int = 255
    """Linux NAME_MAX; the REST reference allows 4096, no file system does."""


PREVIEW = Limits(
    source="VM applications overview (preview), 2021-10-20",
    package_bytes=GIB,
    config_bytes=GIB,
    applications_per_vm=5,
    replicas_per_region=3,
)

TODAY = Limits(
    source="VM applications overview, 2025-08-18",
    package_bytes=2 * GIB,
    config_bytes=GIB,
    applications_per_vm=25,
    replicas_per_region=10,
)

DEFAULT = PREVIEW
