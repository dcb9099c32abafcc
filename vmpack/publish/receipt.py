"""``publish.json``: what was published where, kept in the release folder; never a signature in it."""

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vmpack import __version__
from vmpack.errors import VerificationError
from vmpack.publish.model import Published, StoredBlob
from vmpack.values import dataclass

RECEIPT = "publish.json"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a release went."""

    account: str
    container_url: str
    package_blob: str
    config_blob: str | None


def write(directory: Path, published: Published, account: str, container_url: str) -> Path:
    """Write the receipt, whole or not at all."""
    document = {
        "schemaVersion": 1,
        "tool": {"name": "vmpack", "version": __version__},
        "name": published.name,
        "version": published.version,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "account": account,
        "container": container_url,
        "package": _blob(published.package),
        "config": _blob(published.config) if published.config else None,
    }
    path = directory / RECEIPT
    write_private(path, (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode(), mode=0o644)
    return path


def _blob(stored: StoredBlob) -> dict[str, Any]:
    return {
        "blob": stored.name,
        "url": stored.url,
        "etag": stored.etag,
        "size": stored.size,
        "sha256": stored.sha256,
    }


def read(directory: Path) -> Receipt | None:
    """Read the receipt of a release; None where it was never published from here."""
    path = directory / RECEIPT
    try:
        document = json.loads(path.read_bytes())
        config = document["config"]
        return Receipt(
            str(document["account"]),
            str(document["container"]),
            str(document["package"]["blob"]),
            str(config["blob"]) if config else None,
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VerificationError(
            f"the receipt cannot be read: {type(error).__name__}",
            remedy="Delete it and publish again: nothing is sent twice.",
            where=path,
        ) from None


def write_private(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all, readable by its owner alone unless ``mode`` says otherwise."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            os.chmod(name, mode)
            file.write(data)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
