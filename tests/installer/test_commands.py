"""The three strings that the gallery stores."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.installer.conftest import make_manifest
from vmpack.errors import TemplateError
from vmpack.installer import commands
from vmpack.installer.model import Commands
from vmpack.installer.shape import problems_of, shape_of
from vmpack.manifest.model import VerbatimActions

SHA256 = "0123456789abcdef" * 4


def made(folder: Path, os: str = "linux", name: str = "hello") -> Commands:
    return commands(make_manifest(folder, os=os, name=name), file_name="hello.pkg", sha256=SHA256, size=12)


def every(folder: Path, os: str) -> list[str]:
    made_commands = made(folder, os)
    return [made_commands.install, made_commands.update or "", made_commands.remove]


def test_verbatim_actions_are_handed_through(tmp_path: Path) -> None:
    manifest = make_manifest(tmp_path, installer=None, actions=VerbatimActions("a; b", "c"))
    given = commands(manifest, file_name="it's.msi", sha256=SHA256, size=1)
    assert given.as_json() == {"install": "a; b", "update": None, "remove": "c"}


@pytest.mark.parametrize("os", ["linux", "windows"])
def test_they_are_short_lines_of_plain_ascii(tmp_path: Path, os: str) -> None:
    for command in every(tmp_path, os):
        assert len(command) < 2000
        assert re.fullmatch("[ -~]+", command)


def test_linux_ones_are_sound_sh(tmp_path: Path) -> None:
    for command in every(tmp_path, "linux"):
        assert problems_of("command.sh", command.encode() + b"\n") == []


def test_windows_ones_mean_nothing_to_cmd(tmp_path: Path) -> None:
    for command in every(tmp_path, "windows"):
        assert "%" not in command
        assert command.count('"') == 2
        assert command.endswith('"')
        text = command.split('"')[1].encode() + b"\r\n"
        assert problems_of("command.ps1", b"\xef\xbb\xbf" + text) == []


@pytest.mark.parametrize("os", ["linux", "windows"])
def test_they_check_the_package_first(tmp_path: Path, os: str) -> None:
    for command in every(tmp_path, os)[:2]:
        assert SHA256 in command
        assert "hello.pkg" in command


@pytest.mark.parametrize("name", ["a b", "a'b", "$(id)", "a;b", "", "-rf", "é", "a\nb", ".."])
def test_what_a_shell_could_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TemplateError, match="cannot stand in a command"):
        made(tmp_path, name=name)


def test_names_do_not_change_their_shape(tmp_path: Path) -> None:
    shapes = [
        shape_of("c.sh", made(tmp_path, name=name).remove.encode())
        for name in ("hello", "x.y_z-1", "0", "if")
    ]
    assert all(shape == shapes[0] for shape in shapes)


@pytest.mark.parametrize("hidden", [(), ("sha256sum",), ("sha256sum", "openssl")])
def test_any_tool_will_do_for_the_digest(tmp_path: Path, hidden: tuple[str, ...]) -> None:
    for program in ("sh", "rm", "mkdir", "tar", "cat", "sha256sum", "openssl", "python3", "echo"):
        found = Path("/usr/bin") / program
        if program not in hidden and found.exists():
            (tmp_path / program).symlink_to(found)
    (tmp_path / "hello.pkg").write_bytes(b"")
    command = made(tmp_path).install.replace(":/usr/sbin:/usr/bin:/sbin:/bin", "").replace('[ -s "$p" ]', ":")
    command = command.replace(SHA256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    # The digest fits an empty file; what follows cannot unpack one.
    assert done.returncode == 13, done
