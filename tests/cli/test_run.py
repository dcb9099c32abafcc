import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Vmpack = Callable[..., Any]
MakeApp = Callable[..., Path]

ENV = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}


def _modules_after(*arguments: str) -> set[str]:
    script = (
        "import sys\nsys.argv = ['vmpack', *sys.argv[1:]]\n"
        "from vmpack.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write('MODULES ' + ' '.join(sys.modules))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
    )
    return set(ran.stderr.rpartition("MODULES ")[2].split())


def test_version_imports_next_to_nothing() -> None:
    assert not _modules_after("--version") & {
        "click",
        "json",
        "jsonschema",
        "jinja2",
        "rich",
        "azure",
        "dataclasses",
    }


def test_validate_imports_nothing_heavy(make_app: MakeApp) -> None:
    heavy = {"azure", "azure.storage.blob", "jinja2", "rich", "jsonschema", "zstandard", "pathspec", "isal"}
    assert not _modules_after("validate", str(make_app())) & heavy


def test_build_imports_neither_azure_nor_jsonschema(make_app: MakeApp, tmp_path: Path) -> None:
    used = _modules_after("build", str(make_app()), "-o", str(tmp_path / "dist"))
    assert not used & {"azure", "jsonschema", "rich"}


@pytest.mark.parametrize("arguments", [["--version"], ["-V"], ["-q", "--version"]])
def test_the_version_is_told(arguments: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "vmpack", *arguments], capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("vmpack ")


def test_an_unknown_command_gets_a_suggestion(vmpack: Vmpack) -> None:
    ran = vmpack("biuld")
    assert ran.code == 2
    assert "Did you mean 'build'?" in ran.err


def test_every_command_has_a_help(vmpack: Vmpack) -> None:
    from vmpack.cli.commands import COMMANDS

    for name in COMMANDS:
        ran = vmpack(name, "--help")
        assert (ran.code, name in ran.out) == (0, True)


def test_an_internal_error_is_one_line_and_exit_1(vmpack: Vmpack, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("vmpack.manifest.load", broken)
    ran = vmpack("validate", ".")
    assert ran.code == 1
    assert "ZeroDivisionError: oops" in ran.err
    assert "Traceback" not in ran.err


def test_a_full_disk_is_a_build_error(vmpack: Vmpack, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/somewhere")

    monkeypatch.setattr("vmpack.manifest.load", full)
    ran = vmpack("validate", ".")
    assert ran.code == 4
    assert "/somewhere: error: No space left on device" in ran.err


def test_a_closed_pipe_is_no_traceback(make_app: MakeApp) -> None:
    script = f'"{sys.executable}" -m vmpack inspect --help | true'
    ran = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert "Traceback" not in ran.stderr


@pytest.mark.skipif(not hasattr(signal, "SIGTERM"), reason="needs POSIX signals")
def test_interrupted_is_130_and_leaves_nothing(make_app: MakeApp, tmp_path: Path) -> None:
    import random

    noise = random.Random(1).randbytes(1 << 20)
    app = make_app(
        {f"noise{n}": noise + bytes([n]) for n in range(24)}, payload={"root": "files", "level": 19}
    )
    build = subprocess.Popen(
        [sys.executable, "-m", "vmpack", "build", str(app), "-o", str(tmp_path / "dist")],
        stderr=subprocess.PIPE,
        text=True,
        env=ENV,
    )
    assert build.stderr is not None
    assert "building" in build.stderr.readline()
    build.send_signal(signal.SIGINT)
    _, told = build.communicate(timeout=60)
    assert build.returncode == 130, told
    assert "interrupted" in told
    assert not (tmp_path / "dist").exists()
