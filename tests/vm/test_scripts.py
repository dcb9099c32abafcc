"""vmpack's own shell scripts, which run as root."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vmpack.vm

SCRIPTS = sorted(Path(vmpack.vm.__file__).parent.glob("**/*.sh"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script):
    program = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:/usr/bin")
    if program is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run([program, "-s", "sh", script], check=False, capture_output=True, text=True)
    assert done.stdout == ""
