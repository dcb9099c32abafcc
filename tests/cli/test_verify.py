import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Vmpack = Callable[..., Any]
MakeApp = Callable[..., Path]


@pytest.fixture
def app(make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return make_app(config={"file": "files/bin/hello", "fileName": "hello.json"})


@pytest.fixture
def release(vmpack: Vmpack, app: Path) -> Path:
    assert vmpack("build", app).code == 0
    return Path("dist/hello/1.2.0")


def test_a_fresh_release_holds(vmpack: Vmpack, release: Path) -> None:
    ran = vmpack("verify", release)
    assert ran.code == 0
    assert ran.out.startswith("hello 1.2.0: ok")


@pytest.mark.parametrize("name", ["hello.tar", "hello.json", "version.json", "SHA256SUMS"])
def test_a_changed_byte_is_found_in_every_file(vmpack: Vmpack, release: Path, name: str) -> None:
    data = bytearray((release / name).read_bytes())
    data[len(data) // 2] ^= 1
    (release / name).write_bytes(data)
    assert vmpack("verify", release).code == 6


@pytest.mark.parametrize("name", ["hello.tar", "hello.json", "version.json", "SHA256SUMS", "build.json"])
def test_a_missing_file_is_found(vmpack: Vmpack, release: Path, name: str) -> None:
    (release / name).unlink()
    ran = vmpack("verify", release)
    assert ran.code == 6
    assert name in ran.out + ran.err


def test_a_rebuild_gives_the_same_bytes(vmpack: Vmpack, release: Path, app: Path) -> None:
    ran = vmpack("verify", release, "--rebuild", app)
    assert ran.code == 0, ran.out
    assert "rebuilt byte for byte" in ran.out


def test_a_rebuild_from_changed_files_differs(vmpack: Vmpack, release: Path, app: Path) -> None:
    (app / "files" / "bin" / "hello").write_text("#!/bin/sh\necho other\n")
    ran = vmpack("verify", release, "--rebuild", app, "--json")
    assert ran.code == 6
    assert "rebuild-differs" in {finding["rule"] for finding in ran.json["findings"]}


def test_a_rebuild_of_another_version_is_refused(vmpack: Vmpack, release: Path, make_app: MakeApp) -> None:
    other = make_app(folder="other", version="9.9.9")
    assert vmpack("verify", release, "--rebuild", other).code == 6


def test_a_folder_that_is_no_release_is_said_so(vmpack: Vmpack, tmp_path: Path) -> None:
    ran = vmpack("verify", tmp_path)
    assert ran.code == 6
    assert "vmpack build" in ran.err


def test_no_release_is_a_finding_in_json(vmpack: Vmpack, tmp_path: Path) -> None:
    ran = vmpack("verify", tmp_path / "nothing", "--json")
    assert ran.code == 6
    (finding,) = ran.json["findings"]
    assert finding["severity"] == "error"
    assert "no release here" in finding["message"]


def test_a_package_is_no_release(vmpack: Vmpack, tmp_path: Path) -> None:
    (tmp_path / "hello.tar").write_bytes(b"")
    ran = vmpack("verify", tmp_path / "hello.tar")
    assert ran.code == 6
    assert "Name a folder that `vmpack build` made" in ran.err


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("build.json", ("commands", "update"), True),
        ("build.json", ("os",), "beos"),
        ("build.json", ("tests",), [{"name": 1, "run": "true", "timeoutSeconds": 1}]),
        ("build.json", ("package", "fileName"), "\0"),
        ("build.json", ("package", "fileName"), "../hello.tar"),
        ("build.json", ("blocks",), [{}]),
        ("build.json", ("parcels",), [{"offset": 0, "size": 10, "md5": "no hex"}]),
        ("build.json", ("parcels",), [{"offset": 0, "size": 10, "md5": "00" * 16}]),
        ("build.json", ("parcels",), [{"offset": -1, "size": -9, "md5": "00" * 16}]),
        ("version.json", ("properties",), None),
        ("version.json", ("properties", "publishingProfile"), []),
        ("version.json", ("properties", "publishingProfile", "settings"), None),
        ("version.json", ("location",), "\ud800"),
    ],
)
def test_nonsense_in_a_report_is_a_finding_not_a_bug(
    vmpack: Vmpack, release: Path, name: str, path: tuple[str, ...], value: object
) -> None:
    document = json.loads((release / name).read_text())
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    (release / name).write_text(json.dumps(document))
    ran = vmpack("verify", release, "--json")
    assert ran.code == 6, ran.err
    assert ran.json["findings"]
