"""Where templates are found, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from vmpack.errors import TemplateError
from vmpack.installer import available, find

DEFINITION = {"engine": 1, "name": "mine", "summary": "Mine.", "os": ["linux"]}
SCRIPT = "#!/bin/sh\n"


def make_template(folder: Path, folder_name: str = "mine", **definition: Any) -> Path:
    root = folder / folder_name
    (root / "linux").mkdir(parents=True)
    (root / "template.json").write_text(json.dumps(DEFINITION | definition))
    (root / "params.schema.json").write_text('{"type": "object"}')
    for action in ("install", "update", "remove"):
        (root / "linux" / f"{action}.sh.j2").write_text(SCRIPT)
    return root


def test_the_built_in_ones_are_there() -> None:
    names = {template.name for template in available()}
    assert {"archive", "script", "systemd-service", "windows-service"} <= names


def test_a_given_folder_wins(tmp_path: Path) -> None:
    root = make_template(tmp_path, name="mine")
    root.rename(tmp_path / "archive")
    (tmp_path / "archive" / "template.json").write_text(json.dumps(DEFINITION | {"name": "archive"}))
    assert find("archive", [tmp_path]).origin == str(tmp_path)
    assert find("archive").origin == "built-in"


def test_the_users_folder_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    make_template(tmp_path / "vmpack" / "templates")
    assert find("mine").summary == "Mine."


def test_an_entry_point_is_read_without_running_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "third_party-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[vmpack.templates]\nthird = third_party.installers\n")
    make_template(tmp_path / "third_party" / "installers")
    (tmp_path / "third_party" / "__init__.py").write_text("raise RuntimeError('must not run')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find("mine").origin == "third-party (third)"


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(TemplateError) as caught:
        find("archiv")
    assert caught.value.what == "there is no installer template 'archiv'"
    assert caught.value.remedy.startswith("Did you mean 'archive'? Found here: archive, ")


def test_nothing_on_the_machine_takes_a_built_in_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    make_template(tmp_path / "vmpack" / "templates", "archive", name="archive")
    assert find("archive").origin == "built-in"


@pytest.mark.parametrize("name", ["", ".", "..", "../templates/archive", "/etc", "_lib", "a\\b"])
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(TemplateError, match="there is no installer template"):
        find(name)


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ({"engine": 99}, "engine 99"),
        ({"name": "other"}, "differ"),
        ({"os": []}, "os"),
        ({"color": "red"}, "color"),
        ({"os": ["windows"]}, r"lacks windows/install\.ps1\.j2"),
    ],
)
def test_a_wrong_definition_is_told(tmp_path: Path, definition: dict[str, Any], message: str) -> None:
    make_template(tmp_path, **definition)
    with pytest.raises(TemplateError, match=message) as caught:
        find("mine", [tmp_path])
    assert caught.value.exit_code == 3


def test_broken_json_is_told_with_its_line(tmp_path: Path) -> None:
    root = make_template(tmp_path)
    (root / "template.json").write_text("{\n  oops\n}")
    with pytest.raises(TemplateError, match=r"template\.json:2:3"):
        find("mine", [tmp_path])


@pytest.mark.parametrize("action", ["update", "remove"])
def test_no_template_forgets_an_action(tmp_path: Path, action: str) -> None:
    root = make_template(tmp_path)
    (root / "linux" / f"{action}.sh.j2").unlink()
    with pytest.raises(TemplateError, match=f"lacks linux/{action}"):
        find("mine", [tmp_path])


def test_nothing_outside_the_template_is_read(tmp_path: Path) -> None:
    root = make_template(tmp_path)
    (tmp_path / "secret").write_text("secret")
    (root / "linux" / "link").symlink_to(tmp_path / "secret")
    template = find("mine", [tmp_path])
    for name in ("../secret", "/etc/passwd", "linux/../../secret", "linux/link"):
        with pytest.raises(TemplateError, match="outside"):
            template.read(name)
