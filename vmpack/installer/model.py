"""What a template gives: scripts for the package, and the three strings for the gallery."""

from vmpack.types import JSONValue
from vmpack.values import dataclass


@dataclass(frozen=True, slots=True)
class PayloadFacts:
    """What scripts may know of the payload before it is packed."""

    archive: str
    """The member of the package that holds it: ``payload.tar.zst``; on Windows the folder ``payload``."""
    format: str
    files: int
    size: int
    """Unpacked bytes."""


@dataclass(frozen=True, slots=True)
class Script:
    """One file of the package's ``lifecycle/`` folder, ready in the target's encoding and line ends."""

    name: str
    """Below ``lifecycle/``: ``install.sh``."""
    data: bytes
    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A rendered installer."""

    template: str
    params: dict[str, JSONValue]
    """The parameters after defaults."""
    scripts: tuple[Script, ...]
    retains: tuple[str, ...] = ()
    """Absolute paths that this template leaves on purpose after remove: its log, data folders it was told to keep."""


@dataclass(frozen=True, slots=True)
class Commands:
    """The strings that the gallery stores and the agent runs."""

    install: str
    remove: str
    update: str | None

    def as_json(self) -> dict[str, str | None]:
        """Give the keys of the JSON contract."""
        return {"install": self.install, "update": self.update, "remove": self.remove}
