"""What every test may use: an application to build, and the guard against printing."""

import builtins
import json
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _no_print(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only ``cli/`` talks, and it talks through its console: a print() anywhere fails the test."""

    def refused(*_values: object, **_options: object) -> None:
        raise AssertionError("print() was called")

    monkeypatch.setattr(builtins, "print", refused)


@pytest.fixture(autouse=True)
def _own_world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache and the CI service around us out of the tests."""
    monkeypatch.setenv("VMPACK_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "AZURE_STORAGE_")) or name in (
            "TF_BUILD",
            "SOURCE_DATE_EPOCH",
            "NO_COLOR",
            "FORCE_COLOR",
        ):
            monkeypatch.delenv(name)


Files = Mapping[str, str | bytes]
MakeApp = Callable[..., Path]


@pytest.fixture
def make_app(tmp_path: Path) -> MakeApp:
    """Give a function that writes an application folder and gives its path.

    ``make_app({"bin/hello": "#!/bin/sh\\necho hi\\n"}, version="1.2.0")``: files below ``files/`` (executable when
    they begin with ``#!``), other arguments are manifest properties; None removes one.
    """

    def make(files: Files | None = None, folder: str = "app", **properties: Any) -> Path:
        root = tmp_path / folder
        write_files(root / "files", {"bin/hello": "#!/bin/sh\necho hello\n"} if files is None else files)
        manifest: dict[str, Any] = {
            "name": "hello",
            "version": "1.2.0",
            "os": "linux",
            "installer": {"template": "archive", "params": {"destination": "/opt/hello"}},
        }
        manifest |= properties
        manifest = {key: value for key, value in manifest.items() if value is not None}
        (root / "vmapp.json").write_text(json.dumps(manifest, indent=2))
        return root

    return make


def write_files(root: Path, files: Files) -> None:
    """Write files below ``root``; text that begins with ``#!`` becomes executable."""
    root.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(data)
        path.chmod(0o755 if data.startswith(b"#!") else 0o644)


@dataclass(frozen=True)
class Ran:
    """What a run of the command line gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Vmpack = Callable[..., Ran]


@pytest.fixture
def vmpack(capfd: pytest.CaptureFixture[str]) -> Vmpack:
    """Give a function that runs the command line in this process: ``vmpack("build", folder, "--json")``."""
    from vmpack.cli.run import run

    def call(*arguments: str | os.PathLike[str]) -> Ran:
        before = signal.getsignal(signal.SIGTERM)
        capfd.readouterr()
        try:
            code = run([os.fspath(argument) for argument in arguments])
        finally:
            signal.signal(signal.SIGTERM, before)
        captured = capfd.readouterr()
        return Ran(code, captured.out, captured.err)

    return call
