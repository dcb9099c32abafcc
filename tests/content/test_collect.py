import os
import socket
import sys
from pathlib import Path

import pytest

from vmpack.content import collect
from vmpack.content.model import Content
from vmpack.content.problems import PayloadError, printable
from vmpack.errors import BuildError, LimitError
from vmpack.manifest.model import Payload


def tree(folder: Path, *paths: str) -> Path:
    for path in paths:
        place = folder / path
        if path.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(path)
    return folder


def listed(folder: Path, target: str = "linux", **payload: object) -> list[str]:
    return [entry.path for entry in content(folder, target, **payload).entries]


def content(folder: Path, target: str = "linux", **payload: object) -> Content:
    return collect(Payload(**{"root": ".", **payload}), folder, target)  # type: ignore[arg-type]


def refused(folder: Path, target: str = "linux", **payload: object) -> dict[str, str]:
    with pytest.raises(PayloadError) as caught:
        content(folder, target, **payload)
    assert caught.value.exit_code == 4
    return {finding.file: finding.message for finding in caught.value.findings}


def test_everything_is_listed_in_the_order_of_utf8_bytes(tmp_path: Path) -> None:
    tree(tmp_path, "b", "a/c", "a-b", "a.b", "ä", "Z", "a/empty/", "\U0001f600", "\uffee")
    names = listed(tmp_path)
    assert names == sorted(names, key=str.encode)
    assert names == ["Z", "a", "a-b", "a.b", "a/c", "a/empty", "b", "ä", "\uffee", "\U0001f600"]


def test_an_entry_knows_kind_size_and_a_normalised_mode(tmp_path: Path) -> None:
    tree(tmp_path, "run", "text", "folder/x")
    (tmp_path / "run").chmod(0o4711)
    (tmp_path / "text").chmod(0o600)
    (tmp_path / "folder").chmod(0o1777)
    facts = {entry.path: (entry.kind, entry.mode, entry.size) for entry in content(tmp_path).entries}
    assert facts == {
        "folder": ("directory", 0o755, 0),
        "folder/x": ("file", 0o644, 8),
        "run": ("file", 0o755, 3),
        "text": ("file", 0o644, 4),
    }


def test_sizes_are_summed(tmp_path: Path) -> None:
    assert content(tree(tmp_path, "a", "bb", "c/d")).size == 1 + 2 + 3


def test_patterns_make_files_executable(tmp_path: Path) -> None:
    tree(tmp_path, "bin/tool", "bin/doc.txt")
    entries = content(tmp_path, executable=("bin/*", "!*.txt")).entries
    assert [(entry.path, entry.mode) for entry in entries] == [
        ("bin", 0o755),
        ("bin/doc.txt", 0o644),
        ("bin/tool", 0o755),
    ]


class TestPatterns:
    def test_exclude_drops_files_and_whole_folders(self, tmp_path: Path) -> None:
        tree(tmp_path, "a.log", "keep.log", "sub/b.log", "cache/x", "sub/cache/y", "z")
        assert listed(tmp_path, exclude=("*.log", "!keep.log", "/cache/")) == [
            "keep.log",
            "sub",
            "sub/cache",
            "sub/cache/y",
            "z",
        ]

    def test_an_excluded_folder_cannot_be_reentered(self, tmp_path: Path) -> None:
        tree(tmp_path, "logs/keep", "other")
        assert listed(tmp_path, exclude=("logs/", "!logs/keep")) == ["other"]

    def test_include_brings_only_the_folders_that_are_needed(self, tmp_path: Path) -> None:
        tree(tmp_path, "a/b/x.py", "a/b/x.txt", "a/c/y.txt", "empty/", "top.py")
        assert listed(tmp_path, include=("*.py",)) == ["a", "a/b", "a/b/x.py", "top.py"]

    def test_an_included_folder_brings_all_below_and_stays_when_empty(self, tmp_path: Path) -> None:
        tree(tmp_path, "a/b/x", "a/empty/", "c/y")
        assert listed(tmp_path, include=("a/",)) == ["a", "a/b", "a/b/x", "a/empty"]

    def test_a_pattern_that_is_none_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(BuildError, match=r"payload.exclude has a pattern that cannot be used"):
            listed(tree(tmp_path, "a"), exclude=("!",))

    def test_ignore_files_work_at_every_level_and_the_deepest_wins(self, tmp_path: Path) -> None:
        tree(tmp_path, "a.tmp", "a.txt", "sub/b.tmp", "sub/c.txt", "sub/only/d")
        (tmp_path / ".vmpackignore").write_text("# comment\n*.tmp\n")
        (tmp_path / "sub" / ".vmpackignore").write_text("!b.tmp\n/only\n")
        assert listed(tmp_path) == ["a.txt", "sub", "sub/b.tmp", "sub/c.txt"]

    def test_an_ignore_file_beside_the_manifest_speaks_of_the_payload_below(self, tmp_path: Path) -> None:
        tree(tmp_path, "src/app/a.tmp", "src/app/a.txt", "src/app/cache/x", "src/app/sub/b.tmp")
        (tmp_path / ".vmpackignore").write_text("*.tmp\n/src/app/cache/\n")
        (tmp_path / "src/app/sub/.vmpackignore").write_text("!b.tmp\n")
        assert listed(tmp_path, root="src/app") == ["a.txt", "sub", "sub/b.tmp"]

    def test_an_ignore_file_beside_the_manifest_is_nothing_to_a_payload_elsewhere(
        self, tmp_path: Path
    ) -> None:
        tree(tmp_path, "app/", "other/a.tmp")
        (tmp_path / "app/.vmpackignore").write_text("*.tmp\n")
        assert listed(tmp_path / "app", root="../other") == ["a.tmp"]

    def test_an_ignore_file_in_the_wrong_encoding_is_refused(self, tmp_path: Path) -> None:
        tree(tmp_path, "a")
        (tmp_path / ".vmpackignore").write_bytes(b"\xff\xfe*")
        assert refused(tmp_path) == {".vmpackignore": "cannot be read: not UTF-8"}

    def test_the_default_does_not_load_the_pattern_library(self, tmp_path: Path) -> None:
        import subprocess

        tree(tmp_path, "a/b")
        code = (
            "import sys; from pathlib import Path; from vmpack.content import collect\n"
            "from vmpack.manifest.model import Payload\n"
            f"assert len(collect(Payload(root='.'), Path({str(tmp_path)!r}), 'linux').entries) == 2\n"
            "assert 'pathspec' not in sys.modules"
        )
        subprocess.run([sys.executable, "-c", code], check=True)


class TestRoot:
    def test_a_folder_that_is_skipped_is_not_entered(self, tmp_path: Path) -> None:
        tree(tmp_path, "a", "dist/old/release")
        found = collect(Payload(root="."), tmp_path, "linux", skip=(tmp_path / "dist",))
        assert [entry.path for entry in found.entries] == ["a"]

    def test_a_root_that_is_a_file_is_that_file(self, tmp_path: Path) -> None:
        tree(tmp_path, "setup.msi", "other")
        found = content(tmp_path, "windows", root="setup.msi")
        assert [entry.path for entry in found.entries] == ["setup.msi"]
        assert found.root == str(tmp_path)

    def test_a_root_that_is_missing_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(BuildError, match="root is not a folder"):
            content(tmp_path, root="nowhere")

    @pytest.mark.parametrize("payload", [{}, {"exclude": ("*",)}])
    def test_no_file_at_all_is_a_limit(self, tmp_path: Path, payload: dict[str, object]) -> None:
        tree(tmp_path, "folder/")
        if payload:
            tree(tmp_path, "file")
        with pytest.raises(LimitError, match="holds no file"):
            content(tmp_path, **payload)

    def test_a_repository_is_packed_with_a_warning(self, tmp_path: Path) -> None:
        found = content(tree(tmp_path, ".git/config", "a"))
        assert [warning.rule for warning in found.warnings] == ["payload-repository"]
        assert ".git/config" in [entry.path for entry in found.entries]


class TestLinks:
    @pytest.mark.parametrize(
        "target",
        ["file", "./file", "sub/inner", "sub/../file", "missing", "sub", "linked/../file", "deep/inner"],
    )
    def test_a_link_that_stays_inside_is_kept_as_written(self, tmp_path: Path, target: str) -> None:
        tree(tmp_path, "file", "sub/inner")
        (tmp_path / "linked").symlink_to("sub")
        (tmp_path / "deep").symlink_to("linked")
        (tmp_path / "link").symlink_to(target)
        entries = {entry.path: entry for entry in content(tmp_path).entries}
        assert entries["link"].target == target
        assert (entries["link"].kind, entries["link"].mode) == ("symlink", 0o777)

    @pytest.mark.parametrize(
        ("target", "reason"),
        [
            ("/etc/passwd", "absolute path"),
            ("../outside", "leaves the payload"),
            ("sub/../../outside", "leaves the payload"),
            ("up/../../outside", "leaves the payload"),
            ("link", "loop"),
        ],
    )
    def test_a_link_that_leaves_is_refused(self, tmp_path: Path, target: str, reason: str) -> None:
        tree(tmp_path, "file", "sub/inner/x")
        # Through this link ".." leads to sub, not to the root.
        (tmp_path / "up").symlink_to("sub")
        (tmp_path / "link").symlink_to(target)
        assert reason in refused(tmp_path)["link"]

    def test_a_link_through_another_that_leaves_is_refused_too(self, tmp_path: Path) -> None:
        tree(tmp_path, "file")
        (tmp_path / "etc").symlink_to("/etc")
        (tmp_path / "link").symlink_to("etc/passwd")
        assert set(refused(tmp_path)) == {"etc", "link"}

    def test_a_linked_folder_is_not_followed(self, tmp_path: Path) -> None:
        tree(tmp_path, "sub/x")
        (tmp_path / "link").symlink_to("sub")
        assert listed(tmp_path) == ["link", "sub", "sub/x"]

    def test_windows_takes_no_links(self, tmp_path: Path) -> None:
        tree(tmp_path, "file")
        (tmp_path / "link").symlink_to("file")
        assert set(refused(tmp_path, "windows")) == {"link"}


class TestRefusals:
    def test_all_problems_are_told_at_once(self, tmp_path: Path) -> None:
        tree(tmp_path, "ok", "new\nline")
        os.mkfifo(tmp_path / "fifo")
        (tmp_path / "away").symlink_to("/")
        with socket.socket(socket.AF_UNIX) as server:
            previous = Path.cwd()
            os.chdir(tmp_path)  # a socket's path must be short
            try:
                server.bind("socket")
            finally:
                os.chdir(previous)
        assert refused(tmp_path) == {
            "away": "is a link to the absolute path /",
            "fifo": "is a FIFO",
            "new\\x0aline": "the name contains a control character",
            "socket": "is a socket",
        }

    def test_what_is_excluded_is_not_judged(self, tmp_path: Path) -> None:
        tree(tmp_path, "ok")
        os.mkfifo(tmp_path / "fifo")
        assert listed(tmp_path, exclude=("fifo",)) == ["ok"]

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can make device nodes")
    def test_devices_are_refused(self, tmp_path: Path) -> None:
        tree(tmp_path, "ok")
        try:
            os.mknod(tmp_path / "null", 0o020666, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("this root may not make device nodes")
        assert refused(tmp_path) == {"null": "is a character device"}

    def test_bytes_that_are_not_text_are_refused(self, tmp_path: Path) -> None:
        tree(tmp_path, "ok")
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")).touch()
        assert refused(tmp_path) == {"caf\\udce9": "the name is not UTF-8"}

    def test_an_unreadable_file_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        tree(tmp_path, "ok", "secret")
        (tmp_path / "secret").chmod(0)
        if os.geteuid() == 0:  # root may read everything: answer as the system answers others
            monkeypatch.setattr(os, "access", lambda path, _mode: not str(path).endswith("secret"))
        assert refused(tmp_path) == {"secret": "cannot be read: permission denied"}

    @pytest.mark.parametrize(
        "name",
        [
            "CON",
            "nul.txt",
            "com1",
            "LPT9.log",
            "COM\u00b9",
            "Aux .x",
            "dot.",
            "space ",
            "a:b",
            "q?",
            "a\\b",
            'x"y',
        ],
    )
    def test_names_that_windows_cannot_have(self, tmp_path: Path, name: str) -> None:
        tree(tmp_path, "fine", name)
        assert set(refused(tmp_path, "windows")) >= {printable(name)}
        assert name in listed(tmp_path, "linux")

    @pytest.mark.parametrize("name", ["console", "null", "com", "COM10", "com1x", ".hidden", "a b", "ü"])
    def test_names_that_only_look_like_them(self, tmp_path: Path, name: str) -> None:
        assert listed(tree(tmp_path, name), "windows") == [name]

    def test_names_that_windows_takes_for_one(self, tmp_path: Path) -> None:
        tree(tmp_path, "Read.me", "read.ME", "caf\u00e9", "cafe\u0301", "Dir/a", "dir/b")
        assert set(refused(tmp_path, "windows").values()) == {
            "differs only in case from Read.me",
            "differs only in case from Dir",
            "differs only in Unicode form from cafe\u0301",
        }
        assert len(listed(tmp_path, "linux")) == 8

    def test_paths_that_are_too_long(self, tmp_path: Path) -> None:
        deep = "/".join(["d" * 60] * 5)
        tree(tmp_path, f"{deep}/file", "ok")
        assert "longer than 240 characters" in next(iter(refused(tmp_path, "windows").values()))
        assert len(listed(tmp_path, "linux")) == 7
