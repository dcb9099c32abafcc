"""From the text of a ``vmapp.json`` to a frozen ``Manifest``."""

from vmpack.manifest.freeze import embedded
from vmpack.manifest.loading import InvalidManifest, load

__all__ = ["InvalidManifest", "embedded", "load"]
