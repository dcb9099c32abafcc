import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Vmpack = Callable[..., Any]
MakeApp = Callable[..., Path]


@pytest.fixture
def release(vmpack: Vmpack, make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert vmpack("build", make_app({"bin/hello": "#!/bin/sh\n", "lib/big": "x" * 5000})).code == 0
    return Path("dist/hello/1.2.0")


def test_a_release_is_told_with_sizes_and_commands(vmpack: Vmpack, release: Path) -> None:
    ran = vmpack("inspect", release)
    assert ran.code == 0
    assert ran.out.startswith("hello 1.2.0 for linux\n")
    assert "2 files" in ran.out
    assert "lib/" in ran.out
    assert "install" in ran.out


def test_commands_are_printed_whole_when_asked(vmpack: Vmpack, release: Path) -> None:
    ran = vmpack("inspect", release, "--commands")
    assert "exec /bin/sh" in ran.out


def test_a_bare_package_is_told_too(vmpack: Vmpack, release: Path) -> None:
    ran = vmpack("inspect", release / "hello.tar", "--files")
    assert ran.code == 0
    assert "- 0755           10 bin/hello" in ran.out


def test_json_lists_every_file_with_digest(vmpack: Vmpack, release: Path) -> None:
    document = vmpack("inspect", release, "--json").json
    assert document["schemaVersion"] == 1
    assert document["manifest"]["name"] == "hello"
    files = {file["path"]: file for file in document["files"]}
    assert files["bin/hello"]["mode"] == "0755"
    assert len(files["lib/big"]["sha256"]) == 64


def test_what_is_not_there_is_a_usage_error(vmpack: Vmpack, tmp_path: Path) -> None:
    assert vmpack("inspect", tmp_path / "nothing").code == 2


def test_what_is_no_package_is_said_so(vmpack: Vmpack, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("127.0.0.1 localhost\n")
    ran = vmpack("inspect", tmp_path / "hosts")
    assert ran.code in (0, 6)
    assert "hosts" in ran.out + ran.err


def test_what_is_no_file_is_refused_unread(vmpack: Vmpack, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    ran = vmpack("inspect", tmp_path / "fifo")
    assert ran.code == 2
    assert "neither a file nor a folder" in ran.err


def test_a_file_of_somebody_else_is_told_as_such(vmpack: Vmpack, tmp_path: Path) -> None:
    (tmp_path / "setup.msi").write_bytes(b"whatever")
    ran = vmpack("inspect", tmp_path / "setup.msi")
    assert ran.code == 0
    assert ran.out.startswith("setup.msi: no package made by vmpack")


def test_a_bare_package_tells_the_commands_of_its_release(vmpack: Vmpack, release: Path) -> None:
    of_release = vmpack("inspect", release, "--json").json
    of_package = vmpack("inspect", release / "hello.tar", "--json").json
    assert of_package["commands"] == of_release["commands"]
    assert of_package["package"] == of_release["package"]
