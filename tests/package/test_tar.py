import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmpack.package.tar import END, TarHeaders, header_size, padding

names = st.text(
    st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=300
).filter(lambda name: not name.startswith("/") and not name.endswith("/"))


def read_back(header: bytes, size: int = 0) -> tarfile.TarInfo:
    data = io.BytesIO(header + bytes(size + padding(size)) + END)
    with tarfile.open(fileobj=data, encoding="utf-8") as archive:
        (member,) = archive.getmembers()
    return member


@given(names, st.sampled_from([0o644, 0o755]), st.integers(0, 2000))
def test_files_come_back(name: str, mode: int, size: int) -> None:
    header = TarHeaders(1234567890).header(name, "file", mode, size)
    member = read_back(header, size)
    assert (member.name, member.mode, member.size, member.mtime) == (name, mode, size, 1234567890)
    assert member.isreg()
    assert len(header) == header_size(name, "file")


@given(names, names)
def test_links_come_back(name: str, target: str) -> None:
    header = TarHeaders(0).header(name, "symlink", 0o777, 0, target)
    member = read_back(header)
    assert (member.name, member.linkname, member.issym()) == (name, target, True)
    assert len(header) == header_size(name, "symlink", target)


@given(names)
def test_folders_come_back(name: str) -> None:
    header = TarHeaders(0).header(name, "directory", 0o755)
    member = read_back(header)
    assert (member.name, member.isdir()) == (name, True)
    assert len(header) == header_size(name, "directory")


@pytest.mark.parametrize("size", [8**11 - 1, 8**11, 1 << 40])
def test_sizes_beyond_eight_gibibytes(size: int) -> None:
    header = TarHeaders(0).header("huge", "file", 0o644, size)
    assert tarfile.TarInfo.frombuf(header, "utf-8", "strict").size == size
