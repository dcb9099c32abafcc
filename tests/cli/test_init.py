import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Vmpack = Callable[..., Any]


@pytest.mark.parametrize(
    ("template", "system"),
    [
        ("archive", "linux"),
        ("archive", "windows"),
        ("systemd-service", "linux"),
        ("script", "linux"),
        ("script", "windows"),
    ],
)
def test_what_init_makes_builds_at_once(
    vmpack: Vmpack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: str, system: str
) -> None:
    monkeypatch.chdir(tmp_path)
    made = vmpack("init", "my app", "--installer", template, "--os", system)
    assert made.code == 0, made.err
    assert json.loads(Path("my app/vmapp.json").read_text())["name"] == "my-app"
    built = vmpack("build", "my app")
    assert built.code == 0, built.err


@pytest.mark.root
@pytest.mark.parametrize("template", ["archive", "systemd-service", "script"])
def test_what_init_makes_installs_and_goes_again(
    vmpack: Vmpack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: str
) -> None:
    monkeypatch.chdir(tmp_path)
    vmpack("init", "app", "--installer", template)
    vmpack("build", "app")
    tested = vmpack("test", "dist/app/1.0.0", "--scenario", "install", "--scenario", "remove")
    assert tested.code == 0, tested.out + tested.err


def test_init_never_overwrites(vmpack: Vmpack, tmp_path: Path) -> None:
    manifest = tmp_path / "vmapp.json"
    manifest.write_text("mine")
    ran = vmpack("init", tmp_path)
    assert ran.code == 2
    assert manifest.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["vmapp.json"]


def test_init_leaves_a_folder_of_files_as_it_is(vmpack: Vmpack, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "tool").write_text("tool")
    assert vmpack("init", tmp_path).code == 0
    assert [path.name for path in (tmp_path / "files").iterdir()] == ["tool"]


def test_an_installer_for_another_system_is_refused(vmpack: Vmpack, tmp_path: Path) -> None:
    ran = vmpack("init", tmp_path, "--installer", "systemd-service", "--os", "windows")
    assert ran.code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_windows_service_waits_for_its_program(
    vmpack: Vmpack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert vmpack("init", "app", "--installer", "windows-service", "--os", "windows").code == 0
    ran = vmpack("build", "app")
    assert ran.code == 3
    assert "the payload has no such file" in ran.err
    Path("app/files/app.exe").write_bytes(b"MZ")
    assert vmpack("build", "app").code == 0
