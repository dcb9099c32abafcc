import contextlib
import gzip
import hashlib
import os
from pathlib import Path

import pytest

from vmpack.errors import VerificationError
from vmpack.package import read_file_package, verify_payload

LINUX = ["tar.zst", "tar.gz", "tar"]


@pytest.mark.parametrize("form", LINUX)
def test_a_good_package_has_no_findings(pack, payload, tmp_path, form):
    pack(payload, form)
    assert list(verify_payload(tmp_path / f"out.{form}")) == []


def test_a_good_zip_has_no_findings(pack, windows_payload, tmp_path):
    pack(windows_payload, "zip")
    assert list(verify_payload(tmp_path / "out.zip")) == []


def tampered(path: Path, old: bytes, new: bytes) -> Path:
    data = path.read_bytes()
    assert data.count(old) >= 1
    assert len(old) == len(new)
    path.write_bytes(data.replace(old, new))
    return path


def places(path: Path) -> list[str]:
    return [finding.file.removeprefix(f"{path}:") for finding in verify_payload(path)]


def test_changed_content_is_found(pack, tmp_path):
    root = tmp_path / "payload"
    root.mkdir()
    (root / "a").write_bytes(b"the original content")
    (root / "b").write_bytes(b"another")
    pack(root, "tar")
    path = tampered(tmp_path / "out.tar", b"the original content", b"the tampered content")
    assert places(path) == ["a"]


@pytest.mark.parametrize("form", [*LINUX, "zip"])
def test_a_wrong_digest_in_the_list_is_found(pack, windows_payload, tmp_path, form):
    pack(windows_payload, form)
    digest = hashlib.sha256((windows_payload / "readme.txt").read_bytes()).hexdigest().encode()
    path = tmp_path / f"out.{form}"
    data = path.read_bytes().replace(digest, b"0" * 64)
    path.write_bytes(data)
    # A zip's stored members carry a checksum, which the walk over the front does not need.
    assert places(path) == ["readme.txt"]


def test_a_changed_mode_is_found(pack, payload, tmp_path):
    pack(payload, "tar")
    path = tampered(tmp_path / "out.tar", b"./bin/run mode=0755", b"./bin/run mode=0644")
    assert places(path) == ["bin/run"]


def test_a_changed_link_is_found(pack, payload, tmp_path):
    pack(payload, "tar")
    path = tampered(tmp_path / "out.tar", b"link=bin/run", b"link=bin/rum")
    assert places(path) == ["link"]


@pytest.mark.parametrize("form", ["tar.zst", "tar.gz"])
def test_a_damaged_frame_cannot_be_read(pack, payload, tmp_path, form):
    pack(payload, form)
    path = tmp_path / f"out.{form}"
    member = read_file_package(path).members[-1]
    data = bytearray(path.read_bytes())
    data[member.offset + member.size // 2] ^= 0xFF
    path.write_bytes(data)
    try:
        found = places(path)
    except VerificationError as error:
        found = [error.rule]
    assert found


def test_a_payload_that_ends_early(pack, payload, tmp_path):
    pack(payload, "tar.gz")
    path = tmp_path / "out.tar.gz"
    member = read_file_package(path).members[-1]
    data = bytearray(path.read_bytes())
    short = gzip.compress(b"")
    data[member.offset : member.offset + member.size] = short + bytes(member.size - len(short))
    path.write_bytes(data)
    with contextlib.suppress(VerificationError):
        assert places(path)


def test_findings_are_bounded(pack, tmp_path):
    root = tmp_path / "payload"
    root.mkdir()
    for number in range(150):
        (root / f"file{number}").write_bytes(os.urandom(8))
    pack(root, "zip")
    path = tmp_path / "out.zip"
    data = path.read_bytes()
    path.write_bytes(data.replace(b"sha256=", b"sha256=", 1))
    listing = read_file_package(path)
    for record in listing.files:
        data = data.replace(record.sha256.encode(), b"1" * 64)
    path.write_bytes(data)
    assert len(places(path)) == 100
