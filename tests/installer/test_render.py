"""From a manifest and a template to scripts; errors with their place."""

from pathlib import Path
from typing import Any

import pytest

from tests.installer.conftest import make_manifest
from tests.installer.test_discovery import make_template
from vmpack.errors import TemplateError
from vmpack.installer import check_params, render
from vmpack.installer.model import Lifecycle, PayloadFacts
from vmpack.manifest.model import InstallerRef, Source

FACTS = PayloadFacts("payload.tar.zst", "tar.zst", files=3, size=1000)
WINDOWS = PayloadFacts("payload", "zip", files=3, size=1000)


def rendered(folder: Path, template: str, params: dict[str, Any], **facts: Any) -> Lifecycle:
    manifest = make_manifest(folder, installer=InstallerRef(template, params), **facts)
    return render(manifest, WINDOWS if manifest.os == "windows" else FACTS)


def mine(folder: Path, script: str) -> Lifecycle:
    root = make_template(folder / "templates")
    (root / "linux" / "install.sh.j2").write_text(script)
    return rendered(folder, "mine", {})


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    lifecycle = rendered(tmp_path, "archive", {"destination": "/opt/x", "config": {"destination": "/etc/x"}})
    assert lifecycle.params["keepReleases"] == 1
    assert lifecycle.params["config"] == {
        "destination": "/etc/x",
        "mode": "0644",
        "owner": "root",
        "group": "root",
        "default": None,
        "required": False,
    }


def test_the_package_gets_the_scripts_and_the_library(tmp_path: Path) -> None:
    names = {script.name for script in rendered(tmp_path, "archive", {"destination": "/opt/x"}).scripts}
    assert {"install.sh", "update.sh", "remove.sh", "app.sh", "core.sh", "decode.py"} <= names


@pytest.mark.parametrize(("purge", "kept"), [(False, True), (True, False)])
def test_retained_paths_are_declared(tmp_path: Path, purge: bool, kept: bool) -> None:
    params = {"destination": "/opt/x", "dataDirs": ["/var/lib/x"], "purge": purge}
    retains = rendered(tmp_path, "archive", params).retains
    assert "/var/log/vmpack" in retains
    assert ("/var/lib/x" in retains) is kept


def test_templates_beside_the_manifest_are_found(tmp_path: Path) -> None:
    lifecycle = mine(tmp_path, "echo {{ app.name }}\n")
    assert lifecycle.scripts[2].data == b"echo 'hello'\n"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("#!/bin/sh\n{% if %}\n", "cannot be read"),
        ("#!/bin/sh\n{{ params.nothing }}\n", "cannot be rendered"),
        ("#!/bin/sh\n{{ app.name | nofilter }}\n", "cannot be read"),
        ("#!/bin/sh\n{{ none }}\n", "NoneType cannot be written"),
        ("#!/bin/sh\n{{ 'a\\0b' }}\n", "NUL"),
    ],
)
def test_a_broken_template_is_told_with_its_line(tmp_path: Path, script: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message) as caught:
        mine(tmp_path, script)
    assert caught.value.where.endswith("templates/mine/linux/install.sh.j2:2")
    assert caught.value.exit_code == 3


def test_a_template_cannot_include_what_lies_outside(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(TemplateError, match="outside"):
        mine(tmp_path, "{% include '../../secret' %}")


def test_params_are_told_with_their_place(tmp_path: Path) -> None:
    text = '{\n "installer": {"template": "archive",\n  "params": {"destination": 5,\n   "ownr": "x"}}}'
    params = {"destination": 5, "ownr": "x"}
    manifest = make_manifest(
        tmp_path, source=Source(tmp_path / "vmapp.json", text), installer=InstallerRef("archive", params)
    )
    findings = check_params(manifest)
    assert {(finding.rule, finding.line) for finding in findings} == {
        ("schema-type", 3),
        ("schema-unknown-property", 4),
    }
    with pytest.raises(TemplateError) as caught:
        render(manifest, FACTS)
    assert caught.value.findings == findings


@pytest.mark.parametrize(
    "path",
    ["opt/x", "/", "/opt/", "/opt//x", "/opt/../etc", "/opt/.", "", "/opt/a\nb", "C:\\x"],
)
def test_a_linux_path_is_absolute_and_clean(tmp_path: Path, path: str) -> None:
    manifest = make_manifest(tmp_path, installer=InstallerRef("archive", {"destination": path}))
    assert [finding.rule for finding in check_params(manifest)] == ["param-path"]


@pytest.mark.parametrize(
    "path", ["/opt/x", "x", "C:", "C:\\", "C:\\a\\..\\b", "C:\\a.", 'C:\\a"b', "\\\\host\\a", "C:\\a\\%x%"]
)
def test_a_windows_path_is_absolute_and_clean(tmp_path: Path, path: str) -> None:
    manifest = make_manifest(tmp_path, os="windows", installer=InstallerRef("archive", {"destination": path}))
    assert [finding.rule for finding in check_params(manifest)] == ["param-path"]


@pytest.mark.parametrize(
    "path", ["C:\\x", "C:\\Program Files\\a b", "%ProgramFiles%\\x", "%ProgramFiles(x86)%\\it's"]
)
def test_a_windows_path_may_begin_with_a_variable(tmp_path: Path, path: str) -> None:
    manifest = make_manifest(tmp_path, os="windows", installer=InstallerRef("archive", {"destination": path}))
    assert check_params(manifest) == ()


def test_a_parameter_of_the_other_system_is_refused(tmp_path: Path) -> None:
    params = {"destination": "C:\\x", "links": {"/usr/bin/x": "x"}}
    manifest = make_manifest(tmp_path, os="windows", installer=InstallerRef("archive", params))
    assert [finding.rule for finding in check_params(manifest)] == ["param-os"]


def test_an_installer_of_the_other_system_is_refused(tmp_path: Path) -> None:
    manifest = make_manifest(tmp_path, installer=InstallerRef("windows-service", {"executable": "x.exe"}))
    assert [finding.rule for finding in check_params(manifest)] == ["template-os"]


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "a/.."])
def test_a_name_inside_the_payload_stays_inside(tmp_path: Path, name: str) -> None:
    manifest = make_manifest(tmp_path, installer=InstallerRef("script", {"install": name}))
    assert check_params(manifest)


def test_what_a_service_may_be_told_is_limited(tmp_path: Path) -> None:
    params = {"execStart": "a", "directives": {"ExecStartPre": "/bin/id"}}
    manifest = make_manifest(tmp_path, installer=InstallerRef("systemd-service", params))
    assert check_params(manifest)
