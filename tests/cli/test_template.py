import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Vmpack = Callable[..., Any]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_a_new_template_is_right_and_can_be_used(vmpack: Vmpack) -> None:
    assert vmpack("template", "new", "templates/mine").code == 0
    tested = vmpack("template", "test", "templates/mine")
    assert tested.code == 0, tested.out
    assert "failed" not in tested.out
    assert vmpack("init", "app").code == 0
    manifest = Path("app/vmapp.json")
    manifest.write_text(manifest.read_text().replace('"archive"', '"mine"'))
    built = vmpack("build", "app", "--templates-dir", "templates")
    assert built.code == 0, built.err


def test_new_overwrites_nothing_and_takes_no_odd_name(vmpack: Vmpack) -> None:
    Path("full").mkdir()
    Path("full/mine").write_text("mine")
    assert vmpack("template", "new", "full").code == 2
    assert vmpack("template", "new", "Odd_Name").code == 2
    assert not Path("Odd_Name").exists()


def test_a_wrong_golden_file_fails_and_update_mends_it(vmpack: Vmpack) -> None:
    vmpack("template", "new", "mine")
    golden = Path("mine/tests/minimal/expected/steps.sh")
    right = golden.read_bytes()
    golden.write_text("something else\n")
    ran = vmpack("template", "test", "mine", "--json")
    assert ran.code == 6
    document = json.loads(ran.out)
    assert document["result"] == "failed"
    wrong = [check for check in document["checks"] if check["result"] == "failed"]
    assert [(check["case"], check["check"]) for check in wrong] == [("minimal", "golden")]
    assert vmpack("template", "test", "mine", "--update").code == 0
    assert golden.read_bytes() == right


def test_text_that_is_not_quoted_fails(vmpack: Vmpack) -> None:
    vmpack("template", "new", "mine")
    steps = Path("mine/linux/steps.sh.j2")
    steps.write_text(steps.read_text().replace("{{ params.destination }}", "{{ params.destination | raw }}"))
    ran = vmpack("template", "test", "mine", "--update")
    assert ran.code == 6
    assert "text in params.destination changes what the script does" in ran.out


def test_a_template_without_a_case_proves_nothing(vmpack: Vmpack) -> None:
    vmpack("template", "new", "mine")
    Path("mine/tests/minimal/case.json").unlink()
    ran = vmpack("template", "test", "mine")
    assert ran.code == 6
    assert "without a case" in ran.err


def test_list_tells_where_each_comes_from_and_which_is_hidden(vmpack: Vmpack) -> None:
    vmpack("template", "new", "templates/archive")
    ran = vmpack("template", "list", "--json")
    rows = json.loads(ran.out)["templates"]
    assert [(row["origin"], row["shadowed"]) for row in rows if row["name"] == "archive"] == [
        ("templates", False),
        ("built-in", True),
    ]
    assert "hidden by the one in templates" in vmpack("template", "list").out


def test_show_tells_the_parameters(vmpack: Vmpack) -> None:
    ran = vmpack("template", "show", "archive")
    assert ran.code == 0
    line = next(line for line in ran.out.splitlines() if line.startswith("destination"))
    assert "text" in line
    assert "required" in line
    document = json.loads(vmpack("template", "show", "archive", "--json").out)
    assert document["params"]["properties"]["destination"]["format"] == "absolute-path"


def test_an_unknown_template_is_told_the_nearest(vmpack: Vmpack) -> None:
    ran = vmpack("template", "show", "archve")
    assert ran.code == 3
    assert "Did you mean 'archive'?" in ran.err


def test_a_folder_without_a_template_is_said_so(vmpack: Vmpack) -> None:
    assert vmpack("template", "test").code == 2
