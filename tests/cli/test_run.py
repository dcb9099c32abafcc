import json
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
        "import os, sys\nsys.argv = ['vmpack', *sys.argv[1:]]\nos._exit = sys.exit\n"
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
    heavy = {
        "azure",
        "azure.storage.blob",
        "jinja2",
        "rich",
        "jsonschema",
        "zstandard",
        "pathspec",
        "zlib_ng",
    }
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


@pytest.mark.parametrize("quiet", [[], ["-q"], ["--quiet"]])
def test_quiet_stands_before_or_behind_the_command(
    vmpack: Vmpack, make_app: MakeApp, tmp_path: Path, quiet: list[str]
) -> None:
    command = ["build", str(make_app()), "-o", str(tmp_path / "dist")]
    for arguments in ([*quiet, *command], [*command, *quiet], [command[0], *quiet, *command[1:]]):
        done = vmpack(*arguments)
        assert done.code == 0
        assert (done.err == "") == bool(quiet)


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


def _shell(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run ``vmpack …`` with the redirections of a shell; ``$@`` stands for vmpack and its arguments."""
    command = [sys.executable, "-m", "vmpack", *arguments]
    return subprocess.run(
        ["sh", "-c", script, "sh", *command], capture_output=True, check=False, env={**ENV, **environment}
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_no_letter_is_too_much_for_a_narrow_stream(make_app: MakeApp, encoding: str) -> None:
    app = make_app(description="Ünï ☃", verison="1")
    ran = _shell('"$@"', "validate", str(app), PYTHONIOENCODING=f"{encoding}:strict")
    assert ran.returncode == 3, ran.stderr
    ran = _shell('"$@"', "schema", PYTHONIOENCODING=f"{encoding}:strict")
    assert ran.returncode == 0, ran.stderr
    assert "$${" in json.loads(ran.stdout.decode("ascii"))["description"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows names files in Unicode whatever the code page")
def test_the_locale_changes_no_byte_of_a_release(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app({"ünï☃": "x"})
    locales = {"utf8": {"LC_ALL": "C.UTF-8"}, "ascii": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}}
    packages = []
    for name, locale in locales.items():
        dist = tmp_path / name
        ran = _shell('"$@"', "build", str(app), "-o", str(dist), PYTHONUTF8="0", **locale)
        assert ran.returncode == 0, ran.stderr
        packages.append((dist / "hello/1.2.0/hello.tar").read_bytes())
    assert packages[0] == packages[1]


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-", "2>/dev/full"])
def test_a_stream_that_is_closed_or_full_stops_no_build(
    make_app: MakeApp, tmp_path: Path, redirection: str
) -> None:
    ran = _shell(f'"$@" {redirection}', "build", str(make_app()), "-o", str(tmp_path / "dist"))
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "dist/hello/1.2.0/hello.tar").is_file()


@pytest.mark.parametrize("arguments", [["build"], ["build", "--json"], ["inspect", "--json"]])
def test_a_result_that_cannot_be_written_is_told_as_what_it_is(
    make_app: MakeApp, vmpack: Vmpack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    app = make_app()
    assert vmpack("build", app).code == 0
    path = str(app) if arguments[0] == "build" else "dist/hello/1.2.0"
    ran = _shell('"$@" >/dev/full', *arguments, path)
    assert ran.returncode == 1
    assert b"cannot be written to stdout" in ran.stderr
    assert b"Free some space" not in ran.stderr
    assert b"Exception ignored" not in ran.stderr


def test_a_failure_is_json_too(vmpack: Vmpack, tmp_path: Path) -> None:
    ran = vmpack("inspect", tmp_path, "--json")
    assert ran.code == 6
    assert ran.json["schemaVersion"] == 1
    assert ran.json["error"]["exitCode"] == 6
    assert "no release here" in ran.json["error"]["what"]


def test_an_error_that_is_its_only_finding_is_told_once(vmpack: Vmpack, tmp_path: Path) -> None:
    ran = vmpack("build", tmp_path)
    assert ran.code == 3
    assert ran.err.count("there is no manifest here") == 1


def test_a_dumb_terminal_gets_no_progress_bar(make_app: MakeApp, tmp_path: Path) -> None:
    pty = pytest.importorskip("pty", reason="needs a POSIX terminal")
    leader, follower = pty.openpty()
    with os.fdopen(leader, "rb", buffering=0) as screen:
        subprocess.run(
            [sys.executable, "-m", "vmpack", "build", str(make_app()), "-o", str(tmp_path / "dist")],
            stdout=subprocess.DEVNULL,
            stderr=follower,
            check=True,
            env={**ENV, "TERM": "dumb"},
        )
        os.close(follower)
        told = screen.read(65536)
    lines = told.decode().split("\r\n")
    assert lines[0].startswith("building hello")
    assert "hello.tar" in lines[1]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs POSIX signals")
@pytest.mark.parametrize(("ignored", "code"), [(False, 130), (True, 0)])
def test_a_hang_up_unwinds_unless_nohup_ignores_it(ignored: bool, code: int) -> None:
    script = (
        "import os, signal, sys\n"
        f"signal.signal(signal.SIGHUP, signal.{'SIG_IGN' if ignored else 'SIG_DFL'})\n"
        "import vmpack.cli.validate as module\n"
        "module.findings_of = lambda *_: (os.kill(os.getpid(), signal.SIGHUP), ())[1]\n"
        "from vmpack.cli.run import run\nsys.exit(run(['validate', '.']))\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert ran.returncode == code, ran.stderr
