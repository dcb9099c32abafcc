import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from vmpack.errors import ManifestError
from vmpack.findings import Finding
from vmpack.manifest import load

# A busy machine is no failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

GOOD: dict[str, Any] = {
    "name": "hello",
    "version": "1.2.0",
    "os": "linux",
    "installer": {"template": "archive", "params": {"destination": "/opt/hello"}},
}


@pytest.fixture
def good() -> dict[str, Any]:
    """The smallest manifest, to be changed by the test."""
    return json.loads(json.dumps(GOOD))


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., list[Finding]]:
    """Load a text, bytes or a document that must be refused, and give the findings."""

    def attempt(content: Any, **options: Any) -> list[Finding]:
        path = tmp_path / "vmapp.json"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(
                content if isinstance(content, str) else json.dumps(content, indent=1), "utf-8", newline=""
            )
        with pytest.raises(ManifestError) as caught:
            load(path, **options)
        assert caught.value.exit_code == 3
        return list(caught.value.findings)

    return attempt


@pytest.fixture
def accepted(tmp_path: Path) -> Callable[..., Any]:
    """Load a document that must be taken, and give the manifest."""

    def attempt(document: Any, **options: Any) -> Any:
        path = tmp_path / "vmapp.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
        return load(path, **options)

    return attempt
