"""From the text of a ``vmapp.json`` to a frozen ``Manifest``; imported when it is first used."""

from typing import TYPE_CHECKING

from vmpack.lazy import loader

if TYPE_CHECKING:
    from vmpack.manifest.freeze import embedded
    from vmpack.manifest.loading import InvalidManifest, load

__all__ = ["InvalidManifest", "embedded", "load"]

__getattr__ = loader(__name__, {"InvalidManifest": "loading", "embedded": "freeze", "load": "loading"})
