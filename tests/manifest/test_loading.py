"""From a path to a manifest or to every problem at once."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vmpack.errors import ManifestError
from vmpack.findings import Finding
from vmpack.manifest import InvalidManifest, embedded, load
from vmpack.manifest.loading import read_json, vmapp_schema
from vmpack.manifest.model import Manifest
from vmpack.manifest.reading import LARGEST

Refused = Callable[..., list[Finding]]
Accepted = Callable[..., Manifest]


def _only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


def _findings_of(path: Path) -> tuple[Finding, ...] | None:
    """Give None where a manifest comes out; any other error than ManifestError is a failure."""
    try:
        assert isinstance(load(path, environment={}), Manifest)
    except ManifestError as error:
        return error.findings
    return None


def test_defaults_of_the_smallest_manifest(accepted: Accepted, good: dict[str, Any]) -> None:
    manifest = accepted(good)
    assert (manifest.payload.root, manifest.payload.format, manifest.payload.level) == (
        "files",
        "tar.zst",
        None,
    )
    assert manifest.payload.include == ("**",)
    assert manifest.package_file_name == "hello.tar"
    assert manifest.reboot_behavior == "None"
    assert manifest.publish.sas_expiry == "24h"


def test_defaults_on_windows(accepted: Accepted, good: dict[str, Any]) -> None:
    manifest = accepted({**good, "os": "windows"})
    assert (manifest.payload.format, manifest.package_file_name) == ("zip", "hello.zip")


def test_a_file_passed_through_has_no_package_name_yet(accepted: Accepted) -> None:
    document = {
        "name": "a",
        "version": "1.0.0",
        "os": "windows",
        "payload": {"format": "none"},
        "actions": {"install": "a", "remove": "b"},
    }
    assert accepted(document).package_file_name == ""
    assert accepted({**document, "packageFileName": "a.msi"}).package_file_name == "a.msi"


def test_names_of_config_and_tests_are_filled_in(accepted: Accepted, good: dict[str, Any]) -> None:
    manifest = accepted({**good, "config": {"file": "etc/app.json"}, "tests": [{"run": "a"}, {"run": "b"}]})
    assert manifest.config
    assert manifest.config.file_name == "app.json"
    assert [(check.name, check.timeout) for check in manifest.checks] == [("check 1", 60), ("check 2", 60)]


def test_a_folder_stands_for_the_manifest_in_it(accepted: Accepted, good: dict[str, Any]) -> None:
    folder = accepted(good).folder
    assert load(folder).source.path == folder / "vmapp.json"


@pytest.mark.parametrize("where", ["", "nothing", "vmapp.json/below"])
def test_a_missing_manifest_names_init(tmp_path: Path, where: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(tmp_path / where)
    finding = _only(list(caught.value.findings))
    assert finding.rule == "manifest-missing"
    assert "vmpack init" in finding.help


@pytest.mark.skipif(os.name == "nt", reason="Windows has no FIFOs and no device files")
def test_fifos_and_devices_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "vmapp.json")
    for path in (tmp_path, Path("/dev/zero")):
        with pytest.raises(ManifestError) as caught:
            load(path)
        assert caught.value.findings[0].rule == "manifest-not-a-file"


def test_a_name_with_nul_is_refused() -> None:
    with pytest.raises(ManifestError):
        load(Path("a\0b"))


def test_a_hundred_megabytes_are_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "vmapp.json"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    with pytest.raises(ManifestError) as caught:
        load(path)
    assert caught.value.findings[0].rule == "manifest-too-big"
    assert f"{LARGEST:,}" in caught.value.findings[0].message


@pytest.mark.parametrize(
    ("data", "rule", "line", "column"),
    [
        (b"\xef\xbb\xbf{}", "json-bom", 1, 1),
        ('{"a": 1}'.encode("utf-16"), "json-encoding", 1, 1),
        ('{"a": 1}'.encode("utf-16-le"), "json-encoding", 1, 1),
        ('{"a": 1}'.encode("utf-32-be"), "json-encoding", 1, 1),
        ('{\r\n "é": "ü"}'.encode("latin-1"), "json-encoding", 2, 3),
        ('{"é": "\ud800"}'.encode("utf-8", "surrogatepass"), "json-encoding", 1, 8),
        (b"\x00" * 64, "json-syntax", 1, 1),
    ],
)
def test_wrong_encodings_are_named(refused: Refused, data: bytes, rule: str, line: int, column: int) -> None:
    finding = _only(refused(data))
    assert (finding.rule, finding.line, finding.column) == (rule, line, column)


@pytest.mark.parametrize(
    ("change", "rule", "pointed", "said"),
    [
        ({"nmae": "x"}, "schema-unknown-property", '"nmae"', "Did you mean 'name'?"),
        ({"template": "x"}, "schema-unknown-property", '"template"', "under 'installer'"),
        ({"os": "linx"}, "schema-value", '"linx"', "Did you mean 'linux'?"),
        ({"os": "Windows"}, "schema-value", '"Windows"', "Did you mean 'windows'?"),
        ({"version": 1}, "schema-type", "1", "double quotes"),
        ({"replicaCount": "3"}, "schema-type", '"3"', "without quotes"),
        ({"replicaCount": True}, "schema-type", "true", ""),
        ({"retains": "/var/x"}, "schema-type", '"/var/x"', "list"),
        ({"actions": {"install": "a", "remove": "b"}}, "schema-choice", '"actions"', "Keep one"),
        ({"installer": {}}, "schema-missing-property", "{", "Add it"),
        ({"tests": [{"run": "a", "timeoutSeconds": 0}]}, "schema-range", "0", "range"),
        ({"tests": [{"run": ""}]}, "schema-length", '""', "longer"),
        ({"publish": {"sasExpiry": "soon"}}, "schema-pattern", '"soon"', "minutes"),
        ({"payload": {"format": "zip"}}, "payload-format-os", '"zip"', "tar.zst"),
        ({"payload": {"format": "none"}}, "payload-format-none", '"none"', "actions"),
        ({"payload": {"level": 20}}, "payload-level", "20", "range"),
        ({"payload": {"format": "tar.gz", "level": 0}}, "payload-level", "0", "range"),
        ({"payload": {"format": "tar", "level": 1}}, "payload-level", "1", "leave"),
        ({"retains": ["var/x"]}, "retains-absolute", '"var/x"', "on the VM"),
        ({"retains": ["/var/../x"]}, "retains-absolute", '"/var/../x"', ".."),
        ({"endOfLifeDate": "tomorrow"}, "date-format", '"tomorrow"', "YYYY-MM-DD"),
        ({"endOfLifeDate": "2030-02-30"}, "date-format", '"2030-02-30"', "YYYY-MM-DD"),
    ],
)
def test_one_mistake_gives_one_finding(
    refused: Refused, good: dict[str, Any], change: dict[str, Any], rule: str, pointed: str, said: str
) -> None:
    finding = _only(refused({**good, **change}))
    assert finding.rule == rule
    assert finding.source_line[finding.column - 1 :][: finding.length] == pointed
    assert said in finding.help


def test_neither_installer_nor_actions_is_said_plainly(refused: Refused, good: dict[str, Any]) -> None:
    del good["installer"]
    finding = _only(refused(good))
    assert finding.message == "exactly one of installer and actions must be given, not none"


def test_all_problems_are_told_in_the_order_of_the_text(refused: Refused) -> None:
    findings = refused('{"os": "bsd",\n"x": 1,\n"version": "${V}"}', environment={})
    assert [(each.line, each.rule) for each in findings] == [
        (1, "schema-missing-property"),
        (1, "schema-choice"),
        (1, "schema-value"),
        (2, "schema-unknown-property"),
        (3, "interpolation-undefined"),
    ]


def test_what_is_sound_is_checked_in_the_same_run(tmp_path: Path) -> None:
    path = tmp_path / "vmapp.json"
    path.write_text(
        '{"os": "linux", "version": "x", "nmae": "y", "payload": {"format": "zip"}, "tests": 1,'
        ' "installer": {"template": "${NAME}"}}',
        "utf-8",
    )
    with pytest.raises(InvalidManifest) as caught:
        load(path, environment={})
    assert {each.rule for each in caught.value.findings} == {
        "schema-missing-property",
        "schema-unknown-property",
        "schema-type",
        "payload-format-os",
        "interpolation-undefined",
    }
    assert caught.value.sound
    assert (caught.value.sound.version, caught.value.sound.installer) == ("x", None)


def test_without_a_system_nothing_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "vmapp.json"
    path.write_text('{"os": "lin", "version": "x"}', "utf-8")
    with pytest.raises(InvalidManifest) as caught:
        load(path)
    assert caught.value.sound is None


def test_a_message_quotes_what_is_written_and_not_what_a_variable_holds(
    refused: Refused, good: dict[str, Any]
) -> None:
    finding = _only(refused({**good, "os": "${SYSTEM}"}, environment={"SYSTEM": "hunter2"}))
    assert "hunter2" not in repr(finding)
    assert "${SYSTEM}" in finding.message


def test_embedding_tells_nothing_of_the_build_host(accepted: Accepted, good: dict[str, Any]) -> None:
    manifest = accepted(
        {
            "$schema": "/home/someone/vmapp.schema.json",
            **good,
            "payload": {"root": "/home/someone/files"},
            "config": {"file": "/home/someone/app.json"},
            "publish": {"account": "mine"},
            "tests": [{"run": "true"}],
        }
    )
    document = embedded(manifest)
    text = json.dumps(document)
    assert "someone" not in text
    assert "mine" not in text
    assert document["config"] == {"file": "app.json", "fileName": "app.json"}
    assert document["packageFileName"] == "hello.tar"
    assert document["tests"] == [{"name": "check 1", "run": "true", "timeoutSeconds": 60}]


def test_what_is_embedded_fits_the_schema_and_does_not_depend_on_the_order(
    accepted: Accepted, good: dict[str, Any]
) -> None:
    first = json.dumps(embedded(accepted(good)))
    second = json.dumps(embedded(accepted(dict(reversed(list(good.items()))))))
    assert first == second
    accepted(first)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary() | st.text().map(str.encode) | st.binary().map(lambda tail: b'{"name": "' + tail))
def test_any_bytes_give_a_manifest_or_findings_that_point_into_the_text(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "vmapp.json"
    path.write_bytes(data)
    findings = _findings_of(path)
    if findings is not None:
        assert findings
        lines = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for finding in findings:
            assert 1 <= finding.line <= len(lines)
            assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1


_JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from(["", "linux", "1.0.0", "none", "${A}", "$${", "${"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["name", "run", "format", "level", "file", "template", "x"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(vmapp_schema()["properties"])), _JUNK))
def test_any_document_gives_a_manifest_or_findings(tmp_path: Path, document: dict[str, Any]) -> None:
    path = tmp_path / "vmapp.json"
    path.write_text(json.dumps(document), "utf-8")
    assert _findings_of(path) != ()


def test_any_json_file_can_be_read_strictly(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[1, {"a": "\\u00e9"}]', "utf-8")
    source, value = read_json(tmp_path / "a.json")
    assert value == [1, {"a": "é"}]
    assert source.finding("x", "error", "m", pointer=(1, "a")).column == 11


def test_a_valid_manifest_needs_no_jsonschema(accepted: Accepted, good: dict[str, Any]) -> None:
    folder = accepted({**good, "version": "${VERSION}"}, variables={"VERSION": "1.0.0"}).folder
    code = (
        "import sys; from pathlib import Path; from vmpack.manifest import load;"
        f"load(Path({str(folder)!r}), {{'VERSION': '1.0.0'}});"
        "heavy = {'jsonschema', 'jinja2', 'rich', 'azure'} & set(sys.modules); sys.exit(repr(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
