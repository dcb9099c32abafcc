import contextlib
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmpack.content.model import Entry
from vmpack.errors import VerificationError
from vmpack.package import listing
from vmpack.package.listing import Listing
from vmpack.package.model import FileRecord

RAW = b"\xab" * 32
DIGEST = RAW.hex()
parts = st.text(
    st.characters(exclude_characters="/\x00", exclude_categories=["Cs"]), min_size=1, max_size=8
).filter(lambda part: part not in {".", ".."})
paths = st.lists(parts, min_size=1, max_size=3).map("/".join)
entries = st.one_of(
    st.builds(
        lambda path, mode, size: Entry(path, "file", mode, size),
        paths,
        st.sampled_from([0o644, 0o755]),
        st.integers(0, 2**40),
    ),
    st.builds(lambda path: Entry(path, "directory", 0o755), paths),
    st.builds(lambda path, target: Entry(path, "symlink", 0o777, 0, target), paths, paths),
)


@given(st.lists(entries, max_size=8, unique_by=lambda entry: entry.path))
def test_every_entry_comes_back(found: list[Entry]) -> None:
    found.sort()
    digests = [RAW if entry.kind == "file" else None for entry in found]
    records = listing.parse(Listing(found).filled(digests))
    assert records == tuple(
        FileRecord(
            entry.path, entry.kind, entry.mode, entry.size, digest.hex() if digest else "", entry.target
        )
        for entry, digest in zip(found, digests, strict=True)
    )


@given(st.lists(entries, max_size=8))
def test_the_length_does_not_depend_on_the_digests(found: list[Entry]) -> None:
    digests = [RAW if entry.kind == "file" else None for entry in found]
    listed = Listing(found)
    assert len(listed.blank()) == len(listed.filled(digests))


@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(
        lambda text: b"#mtree\n/set type=file uid=0 gid=0 mode=0644\n" + text.encode()
    )
)
def test_foreign_bytes_are_refused_not_believed(data: bytes) -> None:
    with contextlib.suppress(VerificationError):
        records = listing.parse(data)
        entries = [Entry(each.path, each.kind, each.mode, each.size, each.target) for each in records]
        digests = [bytes.fromhex(each.sha256) or None for each in records]
        assert Listing(entries).filled(digests) == data


@pytest.mark.parametrize(
    "line",
    [
        "./../up size=1 sha256=" + DIGEST,
        "./a//b size=1 sha256=" + DIGEST,
        "./\\057etc size=1 sha256=" + DIGEST,
        "/etc/passwd size=1 sha256=" + DIGEST,
        "./a size=-1 sha256=" + DIGEST,
        "./a size=1 sha256=xyz",
        "./a size=1",
        "./a size=1 size=1 sha256=" + DIGEST,
        "./a type=block mode=0644",
        "./a mode=7777 size=1 sha256=" + DIGEST,
        "./a\\400 size=1 sha256=" + DIGEST,
        "./a\\377 size=1 sha256=" + DIGEST,
        "./a uid=1000 size=1 sha256=" + DIGEST,
        "./b type=dir mode=0755\n./a type=dir mode=0755",
        "./a type=dir mode=0755\n./a type=dir mode=0755",
        "",
    ],
)
def test_lines_that_are_not_ours(line: str) -> None:
    data = f"#mtree\n/set type=file uid=0 gid=0 mode=0644\n{line}\n".encode()
    with pytest.raises(VerificationError):
        listing.parse(data)


def test_libarchive_reads_it(tmp_path) -> None:
    import shutil

    if shutil.which("bsdtar") is None:
        pytest.skip("bsdtar is not installed")
    found = [
        Entry("a b#", "file", 0o755, 3),
        Entry("dir", "directory", 0o755),
        Entry("l", "symlink", 0o777, 0, "a b#"),
    ]
    (tmp_path / "files").write_bytes(Listing(found).filled([RAW, None, None]))
    shown = subprocess.run(
        ["bsdtar", "-tvf", "files"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in shown.stdout.splitlines()]
    assert [(row[0], row[4]) for row in rows] == [
        ("-rwxr-xr-x", "3"),
        ("drwxr-xr-x", "0"),
        ("lrwxrwxrwx", "0"),
    ]
    assert rows[0][-2:] == ["./a", "b#"]
