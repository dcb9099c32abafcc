import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vmpack import resources

Vmpack = Callable[..., Any]
MakeApp = Callable[..., Path]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_release_folder_holds_what_the_design_names(vmpack: Vmpack, make_app: MakeApp) -> None:
    app = make_app(config={"file": "files/bin/hello", "fileName": "hello.json"})
    ran = vmpack("build", app)
    assert ran.code == 0, ran.err
    assert ran.out == "dist/hello/1.2.0\n"
    folder = Path("dist/hello/1.2.0")
    assert sorted(os.listdir(folder)) == [
        "SHA256SUMS",
        "build.json",
        "hello.json",
        "hello.tar",
        "version.json",
    ]
    with tarfile.open(folder / "hello.tar") as package:
        names = package.getnames()
    assert names[0] == "vmapp.json"
    assert names[1] == "files"
    assert names[-1] == "payload.tar.zst"
    assert {"lifecycle/install.sh", "lifecycle/update.sh", "lifecycle/remove.sh"} <= set(names)


def test_the_json_result_keeps_the_contract(vmpack: Vmpack, make_app: MakeApp) -> None:
    ran = vmpack("build", make_app(), "--json")
    assert ran.code == 0, ran.err
    assert ran.json["schemaVersion"] == 1
    (release,) = ran.json["releases"]
    assert {
        "name",
        "version",
        "os",
        "directory",
        "package",
        "config",
        "commands",
        "segments",
        "seconds",
    } <= release.keys()
    package = release["package"]
    assert package.keys() == {"path", "fileName", "size", "sha256"}
    data = Path(package["path"]).read_bytes()
    assert len(data) == package["size"]
    assert hashlib.sha256(data).hexdigest() == package["sha256"]
    assert release["config"] is None
    assert release["commands"].keys() == {"install", "update", "remove"}
    assert package["sha256"] in release["commands"]["install"]
    assert release["segments"].keys() == {"total", "reused"}


def test_the_second_build_reuses_every_segment_and_gives_the_same_bytes(
    vmpack: Vmpack, make_app: MakeApp
) -> None:
    app = make_app()
    first = vmpack("build", app, "--json").json["releases"][0]
    second = vmpack("build", app, "--json").json["releases"][0]
    assert second["segments"]["reused"] == second["segments"]["total"] > 0
    assert second["package"] == first["package"]


def test_a_build_with_nothing_to_do_says_so_and_reports_the_same(
    vmpack: Vmpack, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vmpack.release.again.MARGIN_NS", -(10**13))
    app = make_app()
    first = vmpack("build", app, "--json").json["releases"][0]
    again = vmpack("build", app, "--json")
    assert "nothing changed" in again.err
    second = again.json["releases"][0]
    assert second["segments"] == {"total": 1, "reused": 1}
    for release in (first, second):
        del release["segments"], release["seconds"]
    assert first == second
    assert "nothing changed" not in vmpack("build", app, "--no-cache").err


def test_several_manifests_are_all_built_and_each_is_reported(vmpack: Vmpack, make_app: MakeApp) -> None:
    good = make_app(folder="good")
    bad = make_app(folder="bad", version="one")
    other = make_app(folder="other", name="other")
    ran = vmpack("build", good, bad, other, "--json")
    assert ran.code == 3
    assert [release["name"] for release in ran.json["releases"]] == ["hello", "other"]
    (error,) = ran.json["errors"]
    assert error["exitCode"] == 3
    assert error["findings"][0]["line"] == 3
    assert "bad/vmapp.json:3:14" in ran.err


def test_the_same_release_twice_in_one_run_is_refused(vmpack: Vmpack, make_app: MakeApp) -> None:
    ran = vmpack("build", make_app(folder="one"), make_app(folder="two"))
    assert ran.code == 2
    assert "built already" in ran.err


def test_without_a_path_the_current_folder_is_built(
    vmpack: Vmpack, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(make_app())
    assert vmpack("build").code == 0
    assert Path("dist/hello/1.2.0/build.json").is_file()


def test_variables_reach_the_manifest(vmpack: Vmpack, make_app: MakeApp) -> None:
    ran = vmpack("build", make_app(version="1.${MINOR}.0"), "--set", "MINOR=7", "--json")
    assert ran.json["releases"][0]["version"] == "1.7.0"


def test_a_variable_without_a_value_is_a_usage_error(vmpack: Vmpack, make_app: MakeApp) -> None:
    assert vmpack("build", make_app(), "--set", "MINOR").code == 2


def test_an_empty_payload_is_exit_4_and_leaves_nothing(vmpack: Vmpack, make_app: MakeApp) -> None:
    ran = vmpack("build", make_app({}))
    assert ran.code == 4
    assert not Path("dist").exists()


def test_a_missing_config_file_is_exit_4_and_names_it(vmpack: Vmpack, make_app: MakeApp) -> None:
    ran = vmpack("build", make_app(config={"file": "nowhere.json"}))
    assert ran.code == 4
    assert "nowhere.json" in ran.err
    assert not Path("dist").exists()


def test_garbage_in_source_date_epoch_is_refused(
    vmpack: Vmpack, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "now")
    ran = vmpack("build", make_app())
    assert ran.code == 2
    assert "SOURCE_DATE_EPOCH" in ran.err


def test_source_date_epoch_is_the_time_of_every_member(
    vmpack: Vmpack, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert vmpack("build", make_app()).code == 0
    with tarfile.open("dist/hello/1.2.0/hello.tar") as package:
        assert {member.mtime for member in package} == {1700000000}


def test_the_package_names_no_host_user_or_path(vmpack: Vmpack, make_app: MakeApp, tmp_path: Path) -> None:
    assert vmpack("build", make_app()).code == 0
    # A host with a name such as "vm" would be found in any text.
    host = os.uname().nodename.encode().rjust(6, b"!")
    for path in Path("dist/hello/1.2.0").iterdir():
        data = path.read_bytes()
        assert str(tmp_path).encode() not in data
        assert host not in data
    with tarfile.open("dist/hello/1.2.0/hello.tar") as package:
        assert {(m.uid, m.gid) for m in package} == {(0, 0)}
        manifest = json.load(package.extractfile("vmapp.json"))  # type: ignore[arg-type]
    assert "root" not in manifest.get("payload", {})


def test_github_gets_outputs_and_a_summary(
    vmpack: Vmpack, make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    assert vmpack("build", make_app()).code == 0
    assert "sha256<<" in (tmp_path / "output").read_text()
    assert "| hello | 1.2.0 | linux |" in (tmp_path / "summary").read_text()


def test_a_file_in_the_way_stops_neither_the_other_builds_nor_the_json(
    vmpack: Vmpack, make_app: MakeApp
) -> None:
    one, two = make_app(folder="one"), make_app(folder="two", version="1.3.0")
    Path("dist/hello").mkdir(parents=True)
    Path("dist/hello/1.2.0").write_text("a file")
    ran = vmpack("build", one, two, "--json")
    assert ran.code == 4
    assert [release["version"] for release in ran.json["releases"]] == ["1.3.0"]
    (error,) = ran.json["errors"]
    assert (error["path"], error["rule"]) == (str(one), "operating-system")
    assert error["where"] == "dist/hello/1.2.0"
    assert "A file stands where a folder must be" in error["remedy"]
    assert Path("dist/hello/1.2.0").read_text() == "a file"


@pytest.mark.parametrize("name", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
def test_a_release_stands_though_the_ci_service_cannot_be_told(
    vmpack: Vmpack, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv(name, "/nonexistent/file")
    ran = vmpack("build", make_app(), "--json")
    assert ran.code == 0
    assert "did not reach the CI service" in ran.err
    assert ran.json["releases"]


@pytest.mark.parametrize("content", [None, b""])
def test_a_bad_config_file_is_refused_before_anything_is_packed(
    vmpack: Vmpack, make_app: MakeApp, content: bytes | None
) -> None:
    app = make_app({"unreadable\x01name": "the payload would be refused too"}, config={"file": "app.json"})
    if content is not None:
        (app / "app.json").write_bytes(content)
    ran = vmpack("build", app)
    assert ran.code == 4
    assert "the config file" in ran.err
    assert not Path("dist").exists()


@pytest.mark.parametrize("dist", ["dist", "."])
def test_a_release_inside_its_own_payload_is_not_packed(
    vmpack: Vmpack, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, dist: str
) -> None:
    monkeypatch.chdir(make_app(payload={"root": "."}))
    first, second = (vmpack("build", "-o", dist, "--json").json["releases"][0] for _ in range(2))
    assert first["package"]["sha256"] == second["package"]["sha256"]
    files = vmpack("inspect", first["directory"], "--json").json["files"]
    assert {file["path"] for file in files} == {"files", "files/bin", "files/bin/hello", "vmapp.json"}
    proved = vmpack("verify", first["directory"], "--rebuild", ".")
    assert proved.code == 0, proved.out


def test_a_payload_with_a_repository_gets_a_warning(vmpack: Vmpack, make_app: MakeApp) -> None:
    app = make_app({"hello": "hello", ".git/HEAD": "ref: refs/heads/main"})
    ran = vmpack("build", app, "--json")
    assert [warning["rule"] for warning in ran.json["releases"][0]["warnings"]] == ["payload-repository"]
    assert ".git is packed" in ran.err


def test_a_template_of_ones_own_is_found_by_every_command(
    vmpack: Vmpack, make_app: MakeApp, tmp_path: Path
) -> None:
    shutil.copytree(resources.templates().joinpath("archive"), tmp_path / "own/mine")
    definition = tmp_path / "own/mine/template.json"
    definition.write_text(definition.read_text("utf-8").replace('"archive"', '"mine"'), "utf-8")
    app = make_app(installer={"template": "mine", "params": {"destination": "/opt/hello"}})
    for command in (["validate", app], ["build", app], ["verify", "dist/hello/1.2.0", "--rebuild", app]):
        ran = vmpack(*command, "--templates-dir", tmp_path / "own")
        assert ran.code == 0, ran.out + ran.err
    assert vmpack("validate", app).code == 3


def test_a_parameter_that_names_an_unpacked_file_is_found_before_the_vm_finds_it(
    vmpack: Vmpack, make_app: MakeApp
) -> None:
    params = {"install": "instal.sh", "remove": "remove.sh"}
    files = {"install.sh": "#!/bin/sh\n", "remove.sh": "#!/bin/sh\n"}
    ran = vmpack("build", make_app(files, installer={"template": "script", "params": params}), "--json")
    assert ran.code == 3
    (finding,) = ran.json["errors"][0]["findings"]
    assert (finding["rule"], finding["line"], finding["help"]) == (
        "param-file",
        8,
        "Did you mean 'install.sh'?",
    )


def test_package_and_config_are_warned_of_where_the_gigabyte_is_unclear(
    vmpack: Vmpack, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vmpack.package.limits.GB", 10)
    ran = vmpack("build", make_app(config={"file": "files/bin/hello", "fileName": "hello.json"}), "--json")
    assert ran.code == 0
    warned = [w["file"] for w in ran.json["releases"][0]["warnings"] if w["rule"] == "limit-gigabyte"]
    assert [Path(path).name for path in warned] == ["hello.tar", "hello.json"]
