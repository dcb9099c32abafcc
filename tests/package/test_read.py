import contextlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vmpack.errors import VerificationError
from vmpack.package import read_file_package, read_package, verify_payload

FORMS = ["tar.zst", "tar.gz", "tar", "zip"]


@pytest.mark.parametrize("form", FORMS)
def test_a_listing_tells_everything_without_unpacking(pack, windows_payload, tmp_path, form):
    written = pack(windows_payload, form)
    listing = read_file_package(tmp_path / f"out.{form}")
    assert listing.container == ("windows" if form == "zip" else "linux")
    assert listing.manifest == {"name": "demo", "version": "1.0.0"}
    assert [record.path for record in listing.files] == [
        "app",
        "app/setup.exe",
        "b\u00e4r",
        "empty",
        "logs",
        "readme.txt",
    ]
    assert listing.payload_format == form
    assert 0 < listing.payload_size < written.size == listing.size
    names = [member.name for member in listing.members]
    assert names[:3] == ["vmapp.json", "files", "lifecycle/install.sh"]


@pytest.mark.parametrize("form", FORMS)
def test_members_can_be_read_at_their_offsets(pack, windows_payload, tmp_path, form):
    pack(windows_payload, form)
    listing = read_file_package(tmp_path / f"out.{form}")
    data = (tmp_path / f"out.{form}").read_bytes()
    member = listing.members[2]
    assert data[member.offset : member.offset + member.size] == b"#!/bin/sh\nexit 0\n"


@pytest.mark.parametrize("form", FORMS)
def test_a_remote_blob_is_listed_from_its_first_kilobytes(pack, windows_payload, tmp_path, form):
    (windows_payload / "big").write_bytes(bytes(range(256)) * 4000)
    pack(windows_payload, form)
    data = (tmp_path / f"out.{form}").read_bytes()
    asked: list[tuple[int, int]] = []

    def read_at(offset: int, size: int) -> bytes:
        asked.append((offset, size))
        return data[offset : offset + size]

    assert read_package(read_at, len(data)).files
    assert len(asked) == 1
    assert sum(size for _, size in asked) <= 1 << 16


def foreign_archives() -> dict[str, bytes]:
    tar_bytes, zip_bytes = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=tar_bytes, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("hello"))
    with zipfile.ZipFile(zip_bytes, "w") as other:
        other.writestr("hello", "x")
    return {
        "tar": tar_bytes.getvalue(),
        "zip": zip_bytes.getvalue(),
        "msi": b"\xd0\xcf\x11\xe0" * 1000,
        "empty": b"",
    }


@pytest.mark.parametrize("kind", ["tar", "zip", "msi", "empty"])
def test_what_vmpack_did_not_write_is_opaque(tmp_path, kind):
    path = tmp_path / "file"
    path.write_bytes(foreign_archives()[kind])
    assert read_file_package(path).container == "opaque"
    assert list(verify_payload(path)) == []


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> dict[str, bytes]:
    """One small package of each format, to be damaged."""
    from vmpack.content import collect
    from vmpack.manifest.model import Payload
    from vmpack.package import write_package
    from vmpack.package.model import Member, PackageRequest

    root = tmp_path_factory.mktemp("hostile")
    (root / "payload" / "sub").mkdir(parents=True)
    (root / "payload" / "sub" / "file").write_bytes(b"content " * 500)
    (root / "payload" / "other").write_bytes(b"x")
    made = {}
    for form in FORMS:
        content = collect(Payload(root="payload"), root, "linux")
        members = (
            Member("vmapp.json", b'{"name": "x"}'),
            Member("lifecycle/install.sh", b"#!/bin/sh\n", 0o755),
        )
        out = root / f"out.{form}"
        write_package(PackageRequest("linux", form, None, content, members), out)  # type: ignore[arg-type]
        made[form] = out.read_bytes()
    return made


def survives(data: bytes, folder: Path) -> None:
    """Read and verify hostile bytes: an answer or a VerificationError, nothing else."""
    path = folder / "hostile"
    path.write_bytes(data)
    with contextlib.suppress(VerificationError):
        read_file_package(path)
        list(verify_payload(path))


hostile = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@hostile
@given(form=st.sampled_from(FORMS), place=st.integers(0, 10_000), patch=st.binary(min_size=1, max_size=8))
def test_damage_anywhere_is_survived(packages, tmp_path, form, place, patch):
    data = bytearray(packages[form])
    place %= len(data)
    data[place : place + len(patch)] = patch
    survives(bytes(data), tmp_path)


@hostile
@given(form=st.sampled_from(FORMS), size=st.integers(0, 10_000))
def test_truncation_anywhere_is_survived(packages, tmp_path, form, size):
    data = packages[form]
    survives(data[: size % len(data)], tmp_path)


@hostile
@given(start=st.sampled_from([b"", b"PK\x03\x04", b"vmapp.json\x00"]), rest=st.binary(max_size=2000))
def test_noise_is_survived(tmp_path, start, rest):
    survives(start + rest, tmp_path)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("document", [b"[1]", b"\xff", b"{", b"[" * 100_000])
def test_a_manifest_that_is_no_object(pack, windows_payload, tmp_path, form, document):
    from vmpack.package.model import Member

    pack(windows_payload, form, members=(Member("vmapp.json", document),))
    with pytest.raises(VerificationError):
        read_file_package(tmp_path / f"out.{form}")
