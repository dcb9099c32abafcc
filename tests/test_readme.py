"""The transcripts in the README are real: every ``$`` line is run again and must print what stands there.

Only durations may differ. ``VMPACK_UPDATE=1`` writes what was printed into the README.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vmpack.vm.sandbox import check

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_DURATION = re.compile(r"\b\d+\.\d+ s\b")


def _blocks() -> list[str]:
    return _BLOCK.findall(README.read_text("utf-8"))


def _played(block: str, folder: Path) -> str:
    (folder / "samples").symlink_to(ROOT / "samples")
    scripts = Path(sys.executable).parent
    # The console script stands beside the interpreter; CI keeps the progress bar away.
    environment = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}", "CI": "true"}
    printed = []
    for command in re.findall(r"^\$ (.+)$", block, re.MULTILINE):
        ran = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        printed.append(f"$ {command}\n{ran.stdout}")
    return "\n".join(printed)


def _without_durations(text: str) -> str:
    return re.sub(r" +", " ", _DURATION.sub("N s", text))


@pytest.mark.parametrize("number", range(len(_blocks())))
def test_a_transcript_is_what_the_commands_print(number: int, tmp_path: Path) -> None:
    block = _blocks()[number]
    if "vmpack test" in block and not check("root").works:
        pytest.skip(check("root").reason)
    printed = _played(block, tmp_path)
    if os.environ.get("VMPACK_UPDATE"):
        README.write_text(README.read_text("utf-8").replace(block, printed), "utf-8")
        return
    assert _without_durations(printed) == _without_durations(block)


def test_there_is_a_transcript() -> None:
    assert _blocks()


def test_the_table_of_commands_is_complete() -> None:
    from vmpack.cli.commands import COMMANDS

    told = set(re.findall(r"^\| `vmpack ([a-z]+)", README.read_text("utf-8"), re.MULTILINE))
    assert set(COMMANDS) <= told
