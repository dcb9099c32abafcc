import hashlib
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from typing import Any

import pytest

from vmpack.content import collect
from vmpack.errors import BuildError, LimitError, TemplateError
from vmpack.manifest.model import Payload
from vmpack.package import read_file_package, verify_payload
from vmpack.package.model import Block, Member

LINUX = ["tar.zst", "tar.gz", "tar"]
DECODERS = {"tar.zst": ["zstd", "-dcq"], "tar.gz": ["gzip", "-dc"], "tar": ["cat"]}
TARS = {
    "gnu": ["tar", "-xpf", "-"],
    "busybox": ["busybox", "tar", "-xpf", "-"],
    "bsdtar": ["bsdtar", "-xpf", "-"],
}


def described(root: Path) -> dict[str, tuple[Any, ...]]:
    """Everything of a tree that a package must keep."""
    facts: dict[str, tuple[Any, ...]] = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = Path(folder, name)
            status = path.lstat()
            if path.is_symlink():
                fact: tuple[Any, ...] = ("link", os.readlink(path))
            elif path.is_dir():
                fact = ("folder",)
            else:
                runs = bool(status.st_mode & 0o111)
                fact = ("file", runs, hashlib.sha256(path.read_bytes()).hexdigest())
            facts[str(path.relative_to(root))] = fact
    return facts


def unpack(package: Path, form: str, target: Path, tar: str = "gnu") -> Path:
    """Unpack as a generated script does: the container with tar, the payload through the decoder into tar."""
    target.mkdir()
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    outer = subprocess.Popen(
        ["tar", "-xOf", package, f"payload.{form}"], stdout=subprocess.PIPE, env=environment
    )
    decoder = subprocess.Popen(DECODERS[form], stdin=outer.stdout, stdout=subprocess.PIPE, env=environment)
    inner = subprocess.run(
        TARS[tar], stdin=decoder.stdout, cwd=target, env=environment, capture_output=True, check=True
    )
    for process in (outer, decoder):
        assert process.stdout
        process.stdout.close()
        assert process.wait() == 0
    assert inner.stderr == b""
    return target


def need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


class TestLinux:
    @pytest.mark.parametrize("form", LINUX)
    def test_the_systems_tools_unpack_every_kind_of_entry(self, pack, payload, tmp_path, form):
        need("zstd")
        pack(payload, form)
        assert described(unpack(tmp_path / f"out.{form}", form, tmp_path / "x")) == described(payload)

    @pytest.mark.parametrize("tar", ["busybox", "bsdtar"])
    def test_other_tars_read_it_too(self, pack, payload, tmp_path, tar):
        need("zstd", TARS[tar][0])
        pack(payload)
        assert described(unpack(tmp_path / "out.tar.zst", "tar.zst", tmp_path / "x", tar)) == described(
            payload
        )

    def test_python_reads_it_and_finds_root_and_the_fixed_time(self, pack, payload, tmp_path):
        pack(payload, "tar", mtime=1_700_000_000)
        with tarfile.open(tmp_path / "out.tar") as outer:
            names = outer.getnames()
            inner_file = outer.extractfile("payload.tar")
            with tarfile.open(fileobj=inner_file) as inner:
                members = outer.getmembers() + inner.getmembers()
                packed = {member.name for member in inner}
        assert names == ["vmapp.json", "files", "lifecycle/install.sh", "payload.tar"]
        assert packed == set(described(payload))
        facts = {(member.uid, member.gid, member.uname, member.gname, member.mtime) for member in members}
        assert facts == {(0, 0, "root", "root", 1_700_000_000)}
        assert {oct(member.mode) for member in members} == {"0o644", "0o755", "0o777"}

    def test_thousands_of_real_files_come_back_as_they_were(self, pack, tmp_path):
        need("zstd")
        source = tmp_path / "stdlib"
        shutil.copytree(
            sysconfig.get_path("stdlib"),
            source,
            symlinks=True,
            ignore=shutil.ignore_patterns("site-packages", "dist-packages", "test"),
        )
        for path in source.rglob("*"):
            if path.is_symlink() and not (source in path.resolve().parents and path.exists()):
                path.unlink()
        written = pack(source)
        assert described(unpack(tmp_path / "out.tar.zst", "tar.zst", tmp_path / "x")) == described(source)
        assert written.segments.total > 2
        assert not list(verify_payload(tmp_path / "out.tar.zst"))

    def test_unpacked_folders_and_files_have_normal_modes(self, pack, payload, tmp_path):
        need("zstd")
        (payload / "bin").chmod(0o2700)
        (payload / "empty").chmod(0o6444)
        pack(payload)
        target = unpack(tmp_path / "out.tar.zst", "tar.zst", tmp_path / "x")
        modes = {name: stat.S_IMODE((target / name).stat().st_mode) for name in ("bin", "bin/run", "empty")}
        assert modes == {"bin": 0o755, "bin/run": 0o755, "empty": 0o644}

    def test_a_file_of_many_segments(self, pack, tmp_path):
        need("zstd")
        root = tmp_path / "payload"
        root.mkdir()
        block = os.urandom(1 << 20)
        (root / "large").write_bytes(b"".join(bytes([i]) * 1000 + block for i in range(25)))
        (root / "small").write_bytes(b"x")
        for form in LINUX:
            written = pack(root, form)
            assert written.segments.total >= 5
            target = unpack(tmp_path / f"out.{form}", form, tmp_path / f"x-{form}")
            assert described(target) == described(root)
            assert not list(verify_payload(tmp_path / f"out.{form}"))


class TestBytes:
    @pytest.mark.parametrize("form", [*LINUX, "zip"])
    def test_digest_size_and_blocks_describe_the_file(self, pack, windows_payload, tmp_path, form):
        seen: list[tuple[Block, bytes]] = []
        written = pack(windows_payload, form, observer=lambda block, data: seen.append((block, bytes(data))))
        data = (tmp_path / f"out.{form}").read_bytes()
        assert (written.size, written.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        end = 0
        for block in written.blocks:
            assert block.offset == end
            end += block.size
            assert hashlib.sha256(data[block.offset : end]).hexdigest() == block.sha256
        assert end == len(data)
        assert dict(seen) == {
            block: data[block.offset : block.offset + block.size] for block in written.blocks
        }

    @pytest.mark.parametrize("form", [*LINUX, "zip"])
    def test_the_number_of_threads_changes_no_byte(self, pack, tmp_path, form, many_files):
        digests = {pack(many_files, form, threads=threads).sha256 for threads in (1, 2, 4)}
        assert len(digests) == 1

    def test_times_folder_umask_and_environment_change_no_byte(self, pack, payload, tmp_path):
        here = pack(payload).sha256
        moved = tmp_path / "elsewhere" / "renamed"
        shutil.copytree(payload, moved, symlinks=True)
        for path in moved.rglob("*"):
            os.utime(path, (1, 1), follow_symlinks=False)
        script = (
            "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[3])\n"
            "from conftest import collected, MEMBERS\n"
            "from vmpack.package import write_package; from vmpack.package.model import PackageRequest\n"
            "folder, out = Path(sys.argv[1]), Path(sys.argv[2])\n"
            "request = PackageRequest('linux', 'tar.zst', None, collected(folder, 'tar.zst'), MEMBERS)\n"
            "sys.stdout.write(write_package(request, out).sha256)"
        )
        for number, environment in enumerate(
            (
                {"TZ": "Pacific/Kiritimati", "LANG": "C", "LC_ALL": "C", "PYTHONHASHSEED": "1", "HOME": "/"},
                {"TZ": "America/New_York", "LANG": "tr_TR.UTF-8", "PYTHONHASHSEED": "77", "USER": "someone"},
            )
        ):
            done = subprocess.run(
                [sys.executable, "-c", script, moved, tmp_path / f"again{number}", Path(__file__).parent],
                env={"PATH": os.environ["PATH"], **environment},
                cwd="/",
                umask=0o077 if number else 0o002,
                capture_output=True,
                text=True,
                check=True,
            )
            assert done.stdout == here

    def test_nothing_of_the_build_host_is_in_it(self, pack, payload, tmp_path):
        pack(payload, "tar")
        data = (tmp_path / "out.tar").read_bytes()
        assert str(tmp_path).encode() not in data

    def test_the_time_asked_for_is_the_only_difference_it_makes(self, pack, payload):
        assert pack(payload, mtime=1).sha256 != pack(payload, mtime=2).sha256

    @pytest.mark.parametrize(("size", "level"), [(7 << 20, 6), (9 << 20, 3)])
    def test_a_small_payload_is_packed_at_a_higher_level(self, pack, many_files, tmp_path, size, level):
        folder = tmp_path / "part"
        folder.mkdir()
        text = b"".join(path.read_bytes() for path in sorted(many_files.rglob("file*")))
        (folder / "text").write_bytes(text[:size])
        assert pack(folder).sha256 == pack(folder, level=level).sha256

    def test_the_level_is_used(self, pack, many_files):
        assert pack(many_files, level=1).size > pack(many_files, level=9).size


class TestFailures:
    def test_a_file_that_changed_since_it_was_listed(self, pack, payload, tmp_path):
        content = collect(Payload(root=str(payload)), payload, "linux")
        (payload / "bulk").write_bytes(os.urandom(200_000))
        with pytest.raises(BuildError, match=r"changed while it was packed") as caught:
            pack(payload, content=content)
        assert caught.value.where == str(payload / "bulk")
        assert not (tmp_path / "out.tar.zst").exists()

    @pytest.mark.parametrize("change", ["grow", "shrink", "vanish", "replace-by-link", "replace-by-fifo"])
    def test_a_file_that_is_not_what_it_was(self, pack, payload, tmp_path, change):
        content = collect(Payload(root=str(payload)), payload, "linux")
        victim = payload / "one-more"
        if change in {"grow", "shrink"}:
            os.truncate(victim, 600 if change == "grow" else 5)
        else:
            victim.unlink()
        if change == "replace-by-link":
            victim.symlink_to("/etc/hostname")
        if change == "replace-by-fifo":
            os.mkfifo(victim)
        with pytest.raises(BuildError) as caught:
            pack(payload, content=content)
        assert caught.value.where == str(victim)
        assert not (tmp_path / "out.tar.zst").exists()

    def test_an_observer_that_fails_leaves_nothing(self, pack, payload, tmp_path):
        def fail(_block: Block, _data: bytes) -> None:
            raise OSError("the network is down")

        with pytest.raises(OSError, match="network"):
            pack(payload, observer=fail)
        assert not (tmp_path / "out.tar.zst").exists()

    def test_an_existing_file_is_not_overwritten(self, pack, payload, tmp_path):
        (tmp_path / "there").write_text("mine")
        with pytest.raises(FileExistsError):
            pack(payload, out=_Kept(tmp_path / "there"))
        assert (tmp_path / "there").read_text() == "mine"


class _Kept(type(Path())):  # type: ignore[misc]
    """A path that the fixture cannot clear away."""

    def unlink(self, missing_ok: bool = False) -> None:
        """Do nothing."""


class TestLimits:
    @pytest.mark.parametrize("form", [*LINUX, "zip"])
    def test_it_stops_as_soon_as_the_limit_is_crossed(self, pack, tmp_path, form):
        root = tmp_path / "payload"
        for name in ("big/a", "big/b", "small/c"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(os.urandom(100_000 if "big" in name else 10_000))
        with pytest.raises(LimitError) as caught:
            pack(root, form, limit=150_000)
        assert caught.value.exit_code == 4
        assert "big/ (200,000), small/ (10,000)" in str(caught.value)
        assert not (tmp_path / f"out.{form}").exists()

    def test_a_sum_that_cannot_fit_is_refused_before_a_file_is_read(self, pack, tmp_path):
        root = tmp_path / "payload"
        root.mkdir()
        (root / "hole").touch()
        os.truncate(root / "hole", 2 << 30)
        with pytest.raises(LimitError, match="does not compress"):
            pack(root, "tar")
        with pytest.raises(LimitError, match=r"2,147,483,648 bytes"):
            pack(root, "none")

    def test_what_compresses_below_the_limit_fits(self, pack, tmp_path):
        root = tmp_path / "payload"
        root.mkdir()
        (root / "zeros").write_bytes(bytes(2_000_000))
        assert pack(root, limit=100_000).size < 100_000

    def test_a_list_of_files_that_cannot_fit(self, pack, payload):
        with pytest.raises(LimitError, match="list of files"):
            pack(payload, limit=1000)


class TestPassThrough:
    def test_the_file_is_copied_untouched(self, pack, tmp_path):
        root = tmp_path / "payload"
        root.mkdir()
        data = os.urandom(20 << 20)
        (root / "setup.msi").write_bytes(data)
        written = pack(root, "none")
        assert (tmp_path / "out.none").read_bytes() == data
        assert written.sha256 == hashlib.sha256(data).hexdigest()
        assert len(written.blocks) > 2
        assert sum(block.size for block in written.blocks) == written.size
        assert read_file_package(tmp_path / "out.none").container == "opaque"
        assert not list(verify_payload(tmp_path / "out.none"))

    def test_blocks_behind_an_insertion_keep_their_digests(self, pack, tmp_path):
        root = tmp_path / "payload"
        root.mkdir()
        data = os.urandom(40 << 20)
        (root / "a").write_bytes(data)
        before = {block.sha256 for block in pack(root, "none").blocks}
        (root / "a").write_bytes(data[:1000] + b"inserted" + data[1000:])
        after = {block.sha256 for block in pack(root, "none").blocks}
        assert len(after - before) <= 2

    def test_two_files_are_refused(self, pack, payload):
        with pytest.raises(BuildError, match="format none passes one file through"):
            pack(payload, "none")

    def test_an_empty_file_is_refused(self, pack, tmp_path):
        root = tmp_path / "payload"
        root.mkdir()
        (root / "empty").touch()
        with pytest.raises(LimitError):
            pack(root, "none")


class TestMembersLater:
    def test_members_may_be_made_while_the_payload_is_packed(self, pack, many_files):
        members = (Member("vmapp.json", b"{}"), Member("lifecycle/install.sh", b"", 0o755))
        assert pack(many_files, members=lambda: members).sha256 == pack(many_files, members=members).sha256

    def test_an_error_in_making_them_leaves_nothing(self, pack, many_files, tmp_path):
        def fail() -> None:
            raise TemplateError("broken")

        with pytest.raises(TemplateError):
            pack(many_files, members=fail)
        assert not (tmp_path / "out.tar.zst").exists()
