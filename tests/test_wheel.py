"""The wheel works from any directory, with its schemas and templates inside."""

import json
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (path,) = folder.glob("vmpack-*.whl")
    return path


@pytest.mark.slow
def test_an_installed_wheel_builds_from_any_directory(
    wheel: Path, tmp_path: Path, make_app: Callable[..., Path]
) -> None:
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    lock = ROOT / "requirements.lock"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", lock, wheel]
    subprocess.run(install, check=True, capture_output=True, cwd=tmp_path)
    app = make_app()
    built = subprocess.run(
        [environment / "bin" / "vmpack", "build", app, "-o", tmp_path / "dist", "--json"],
        check=True,
        capture_output=True,
        cwd="/",
    )
    (release,) = json.loads(built.stdout)["releases"]
    assert Path(release["package"]["path"]).is_file()
    where = [python, "-c", "import vmpack.resources as r; print(r.schemas(), r.templates())"]
    told = subprocess.run(where, check=True, capture_output=True, text=True, cwd="/").stdout
    assert told.count(str(environment)) == 2
