from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Vmpack = Callable[..., Any]
MakeApp = Callable[..., Path]


@pytest.fixture
def built(vmpack: Vmpack, make_app: MakeApp, tmp_path: Path) -> Path:
    app = make_app()
    assert vmpack("build", app, "-o", tmp_path / "dist").code == 0
    return app


@pytest.mark.usefixtures("built")
def test_the_cache_is_shown_and_cleared(vmpack: Vmpack) -> None:
    shown = vmpack("cache", "--json").json
    assert shown["frames"] > 0
    assert vmpack("cache", "clear").code == 0
    assert vmpack("cache", "--json").json["frames"] == 0


def test_clearing_forgets_whole_builds_too(
    vmpack: Vmpack, make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vmpack.release.again.MARGIN_NS", -(10**13))
    words = ("build", make_app(), "-o", tmp_path / "dist")
    vmpack(*words)
    assert "nothing changed" in vmpack(*words).err
    vmpack("cache", "clear")
    assert vmpack("cache", "--json").json["size"] == 0
    assert "nothing changed" not in vmpack(*words).err


@pytest.mark.usefixtures("built")
def test_pruning_keeps_the_limit(vmpack: Vmpack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMPACK_CACHE_SIZE", "1K")
    vmpack("cache", "prune")
    assert vmpack("cache", "--json").json["size"] <= 1024


def test_a_folder_that_holds_other_things_keeps_them(
    vmpack: Vmpack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").write_text("mine")
    monkeypatch.setenv("VMPACK_CACHE_DIR", str(tmp_path))
    assert vmpack("cache", "clear").code == 0
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.parametrize("text", ["big", "-1", "1T", "1.5G"])
def test_a_limit_that_is_no_size_is_a_usage_error(
    vmpack: Vmpack, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("VMPACK_CACHE_SIZE", text)
    assert vmpack("cache").code == 2


@pytest.mark.usefixtures("built")
def test_no_cache_reads_and_writes_nothing(vmpack: Vmpack, built: Path, tmp_path: Path) -> None:
    vmpack("cache", "clear")
    ran = vmpack("build", built, "-o", tmp_path / "dist", "--no-cache", "--json")
    assert ran.json["releases"][0]["segments"]["reused"] == 0
    assert vmpack("cache", "--json").json["frames"] == 0
