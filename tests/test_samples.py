"""Every sample builds, holds what it should, verifies, and is worth reading."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Vmpack = Callable[..., Any]
SAMPLES = Path(__file__).resolve().parent.parent / "samples"
NAMES = sorted(path.parent.name for path in SAMPLES.glob("*/vmapp.json"))
EXPECTED = {
    "disk-report": {"disk-report.cmd", "disk-report.ps1"},
    "json-get": {"bin/json-get", "share/json-get/example.json"},
    "motd": set(),
    "status-page": {"bin/status-page", "share/page.html", "share/style.css"},
}


def test_there_is_a_sample_for_every_way_to_build() -> None:
    assert sorted(EXPECTED) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_valid_without_a_warning(vmpack: Vmpack, name: str) -> None:
    assert vmpack("validate", SAMPLES / name, "--strict", "--json").json["findings"] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_builds_and_holds_its_files(vmpack: Vmpack, tmp_path: Path, name: str) -> None:
    built = vmpack("build", SAMPLES / name, "-o", tmp_path, "--json")
    assert built.code == 0, built.err
    (release,) = built.json["releases"]
    shown = vmpack("inspect", release["directory"], "--json").json
    assert {file["path"] for file in shown["files"] if file["kind"] == "file"} == EXPECTED[name]
    assert vmpack("verify", release["directory"], "--rebuild", SAMPLES / name).code == 0


def test_the_passed_through_installer_is_untouched(vmpack: Vmpack, tmp_path: Path) -> None:
    (release,) = vmpack("build", SAMPLES / "motd", "-o", tmp_path, "--json").json["releases"]
    original = SAMPLES / "motd" / "files" / "motd.sh"
    assert Path(release["package"]["path"]).read_bytes() == original.read_bytes()
    assert release["package"]["fileName"] == "motd.sh"
    assert release["package"]["sha256"] in release["commands"]["install"]


def test_the_showcase_has_config_checks_and_modes(vmpack: Vmpack, tmp_path: Path) -> None:
    (release,) = vmpack("build", SAMPLES / "status-page", "-o", tmp_path, "--json").json["releases"]
    assert release["config"]["fileName"] == "status-page.json"
    report = json.loads((Path(release["directory"]) / "build.json").read_text())
    assert report["tests"][0]["name"] == "it serves its page"
    files = {f["path"]: f["mode"] for f in vmpack("inspect", release["directory"], "--json").json["files"]}
    assert files["bin/status-page"] == "0755"
    assert files["share/page.html"] == "0644"
