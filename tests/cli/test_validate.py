from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Vmpack = Callable[..., Any]
MakeApp = Callable[..., Path]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_good_manifest_is_ok(vmpack: Vmpack, make_app: MakeApp) -> None:
    ran = vmpack("validate", make_app())
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.endswith("app: ok\n")


def test_all_problems_come_at_once_with_place_caret_and_rule(vmpack: Vmpack, make_app: MakeApp) -> None:
    ran = vmpack("validate", make_app(verison="1", replicaCount="three"))
    assert ran.code == 3
    assert "app/vmapp.json:11:3: error" in ran.out
    assert "Did you mean 'version'" in ran.out
    assert "app/vmapp.json:12:19: error" in ran.out
    assert "^" in ran.out
    assert "app: 2 errors" in ran.out


def test_platform_rules_are_told_in_the_platforms_words(vmpack: Vmpack, make_app: MakeApp) -> None:
    ran = vmpack("validate", make_app(version="1.2"))
    assert ran.code == 3
    assert "The gallery application version name is invalid." in ran.out


def test_json_keeps_the_contract(vmpack: Vmpack, make_app: MakeApp) -> None:
    ran = vmpack("validate", make_app(replicaCount=9), "--json")
    assert ran.code == 3
    assert ran.json["schemaVersion"] == 1
    (finding,) = ran.json["findings"]
    assert finding.keys() == {"rule", "severity", "message", "file", "line", "column", "help"}
    assert finding["severity"] == "error"


def test_installer_parameters_are_checked_too(vmpack: Vmpack, make_app: MakeApp) -> None:
    ran = vmpack("validate", make_app(installer={"template": "archive", "params": {"destinaton": "/opt/x"}}))
    assert ran.code == 3
    assert "destinaton" in ran.out


def test_an_unknown_installer_is_found_with_a_suggestion(vmpack: Vmpack, make_app: MakeApp) -> None:
    ran = vmpack("validate", make_app(installer={"template": "archve"}))
    assert ran.code == 3
    assert "archive" in ran.out


def test_warnings_fail_only_when_asked(vmpack: Vmpack, make_app: MakeApp) -> None:
    app = make_app(endOfLifeDate="2001-01-01")
    assert vmpack("validate", app).code == 0
    assert vmpack("validate", app, "--strict").code == 3


def test_a_missing_manifest_is_a_finding(vmpack: Vmpack, tmp_path: Path) -> None:
    ran = vmpack("validate", tmp_path / "nowhere")
    assert ran.code == 3
    assert "nowhere" in ran.out


def test_github_gets_annotations_on_stderr(
    vmpack: Vmpack, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    ran = vmpack("validate", make_app(version="1.2"), "--json")
    assert "::error file=app/vmapp.json,line=3,col=14" in ran.err
    assert ran.json["findings"]


def test_findings_of_every_kind_stand_in_the_order_of_the_text(vmpack: Vmpack, make_app: MakeApp) -> None:
    app = make_app(
        installer={"template": "archive", "params": {"destination": 1, "destinaton": "/x"}}, replicaCount=9
    )
    ran = vmpack("validate", app, "--json")
    found = [(finding["line"], finding["column"]) for finding in ran.json["findings"]]
    assert len(found) == 3
    assert found == sorted(found)


def test_a_template_name_that_no_file_system_takes_is_a_finding(vmpack: Vmpack, make_app: MakeApp) -> None:
    ran = vmpack("validate", make_app(installer={"template": "x" * 300}), "--json")
    assert ran.code == 3
    assert [finding["rule"] for finding in ran.json["findings"]] == ["schema-length"]
