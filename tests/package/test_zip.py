import hashlib
import os
import shutil
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest

from vmpack.package import verify_payload
from vmpack.package.zip_format import ZipMember, ZipRecords, descriptor, end_records


def test_python_finds_names_modes_times_and_bytes(pack, windows_payload, tmp_path):
    (windows_payload / "app" / "setup.exe").chmod(0o755)
    pack(windows_payload, "zip", mtime=1_700_000_001)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.testzip() is None
        facts = {info.filename: (info.external_attr >> 16, info.date_time) for info in archive.infolist()}
        assert archive.read("payload/readme.txt") == b"hello " * 5000
        assert archive.getinfo("payload/readme.txt").compress_type == zipfile.ZIP_DEFLATED
        assert archive.getinfo("payload/app/setup.exe").compress_type == zipfile.ZIP_STORED
        assert archive.getinfo("payload/empty").file_size == 0
    time = (2023, 11, 14, 22, 13, 20)
    assert facts == {
        "vmapp.json": (stat.S_IFREG | 0o644, time),
        "files": (stat.S_IFREG | 0o644, time),
        "lifecycle/install.sh": (stat.S_IFREG | 0o755, time),
        "payload/app/": (stat.S_IFDIR | 0o755, time),
        "payload/app/setup.exe": (stat.S_IFREG | 0o755, time),
        "payload/b\u00e4r": (stat.S_IFREG | 0o644, time),
        "payload/empty": (stat.S_IFREG | 0o644, time),
        "payload/logs/": (stat.S_IFDIR | 0o755, time),
        "payload/readme.txt": (stat.S_IFREG | 0o644, time),
    }


@pytest.mark.parametrize("program", [["unzip", "-q"], ["bsdtar", "-xf"], ["busybox", "unzip", "-q"]])
def test_other_programs_unpack_it(pack, windows_payload, tmp_path, program):
    if shutil.which(program[0]) is None:
        pytest.skip(f"{program[0]} is not installed")
    (windows_payload / "large").write_bytes(os.urandom(1 << 20) * 20)
    pack(windows_payload, "zip")
    target = tmp_path / "x"
    target.mkdir()
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    subprocess.run([*program, tmp_path / "out.zip"], cwd=target, env=environment, check=True)
    for path in windows_payload.rglob("*"):
        found = target / "payload" / path.relative_to(windows_payload)
        assert found.is_dir() == path.is_dir()
        if path.is_file():
            assert digest(found) == digest(path)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_of_many_segments_has_a_descriptor(pack, windows_payload, tmp_path):
    data = (os.urandom(500_000) + bytes(500_000)) * 25
    (windows_payload / "large").write_bytes(data)
    written = pack(windows_payload, "zip")
    assert written.segments.total > 3
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        info = archive.getinfo("payload/large")
        assert info.flag_bits & 0x8
        assert info.file_size == len(data)
        assert archive.read("payload/large") == data
    assert list(verify_payload(tmp_path / "out.zip")) == []


def test_the_epoch_of_a_zip_is_1980(pack, windows_payload, tmp_path):
    pack(windows_payload, "zip", mtime=0)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_more_members_than_the_old_format_can_count(tmp_path):
    """70,000 empty members need a zip64 end record, and nothing else of zip64."""
    records = ZipRecords(315532800)
    local: list[bytes] = []
    central: list[bytes] = []
    offset = 0
    for number in range(70_000):
        member = ZipMember(b"%d" % number, stat.S_IFREG | 0o644, 0, 0, 0, 0, offset)
        local.append(records.local_header(member))
        central.append(records.central_header(member))
        offset += len(local[-1])
    directory = b"".join(central)
    path = tmp_path / "many.zip"
    path.write_bytes(b"".join(local) + directory + end_records(70_000, len(directory), offset))
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 70_000
        assert archive.read("69999") == b""


def test_a_member_of_more_than_four_gibibytes(tmp_path):
    """Made of zeros by hand: a deflate stream of five GiB is only five MiB, but takes long to write."""
    size = 5 << 30
    records = ZipRecords(315532800)
    member = ZipMember(b"huge", stat.S_IFREG | 0o644, 8, 0, 10, size, 0, has_descriptor=True)
    header = records.local_header(member)
    assert header[28:30] == (20).to_bytes(2, "little")
    assert len(descriptor(member)) == 24
    body = header + bytes(10) + descriptor(member)
    central = records.central_header(member)
    path = tmp_path / "huge.zip"
    path.write_bytes(body + central + end_records(1, len(central), len(body)))
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("huge")
    assert (info.file_size, info.compress_size) == (size, 10)
