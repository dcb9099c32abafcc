"""From the text of a ``vmapp.json`` to a frozen ``Manifest``."""

from vmpack.manifest.freeze import embedded
from vmpack.manifest.loading import load

__all__ = ["embedded", "load"]
