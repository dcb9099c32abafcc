import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from vmpack import gallery
from vmpack.findings import Finding
from vmpack.manifest import load
from vmpack.manifest.model import Manifest

# A busy machine is no failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

TODAY = date(2021, 11, 1)


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[..., Manifest]:
    """Load the smallest manifest with some properties changed; None takes one away."""

    def attempt(**changes: Any) -> Manifest:
        document = {
            "name": "hello",
            "version": "1.2.0",
            "os": "linux",
            "installer": {"template": "archive"},
            **changes,
        }
        document = {key: value for key, value in document.items() if value is not None}
        path = tmp_path / "vmapp.json"
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False), "utf-8")
        return load(path, environment={})

    return attempt


@pytest.fixture
def findings(manifest: Callable[..., Manifest]) -> Callable[..., list[Finding]]:
    """Hold a manifest with some properties changed against the platform's rules."""

    def attempt(**changes: Any) -> list[Finding]:
        return list(gallery.check(manifest(**changes), today=TODAY))

    return attempt
