"""The closed set of names that a template may speak of; plain data only."""

from collections.abc import Mapping
from typing import Any

from vmpack.installer.model import PayloadFacts
from vmpack.manifest.model import Manifest
from vmpack.types import JSONValue

_MEGABYTE = 1024


def names(manifest: Manifest, facts: PayloadFacts, params: Mapping[str, JSONValue]) -> dict[str, Any]:
    """Give what the templates of ``docs/installers.md`` are rendered with."""
    config = manifest.config
    return {
        "app": {
            "name": manifest.name,
            "version": manifest.version,
            "description": manifest.description or None,
        },
        "os": manifest.os,
        "params": params,
        "package": {"file_name": manifest.package_file_name},
        "payload": {
            "archive": facts.archive,
            "format": facts.format,
            "files": facts.files,
            "size": facts.size,
            "kilobytes": _room(facts),
        },
        "config": {
            "file_name": config.file_name if config else f"{manifest.name}_config",
            "given": config is not None,
        },
        "checks": [
            {"name": check.name, "run": check.run, "timeout": check.timeout} for check in manifest.checks
        ],
    }


def _room(facts: PayloadFacts) -> int:
    """Give the KiB that the payload takes unpacked, in whole MiB: a small change need not change the scripts."""
    return -(-(facts.size // 1024 + 4 * facts.files) // _MEGABYTE) * _MEGABYTE
