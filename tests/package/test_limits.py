from pathlib import Path

import pytest

from vmpack.errors import BuildError, LimitError
from vmpack.package import check_config, size_warnings


@pytest.mark.parametrize(
    ("size", "warned"), [(10**9, False), (10**9 + 1, True), (2**30, True), (2**30 + 1, False)]
)
def test_a_package_between_the_two_gigabytes_is_warned_of(size: int, warned: bool) -> None:
    findings = size_warnings(size, "dist/x/package")
    assert [finding.severity for finding in findings] == ["warning"] * warned
    assert all(finding.file == "dist/x/package" for finding in findings)


def test_a_good_config_file_passes(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("x")
    check_config(tmp_path / "config")


def test_a_missing_config_file(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cannot be read"):
        check_config(tmp_path / "config")


def test_a_folder_is_no_config_file(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="not a file"):
        check_config(tmp_path)


def test_an_empty_config_file(tmp_path: Path) -> None:
    (tmp_path / "config").touch()
    with pytest.raises(LimitError, match="empty"):
        check_config(tmp_path / "config")


def test_a_config_file_beyond_the_limit(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("xyz")
    with pytest.raises(LimitError, match="the limit is 2"):
        check_config(tmp_path / "config", limit=2)
