from pathlib import Path

import pytest

from vmpack.cli.render import render_finding, shown_path
from vmpack.findings import Finding


def test_a_finding_shows_place_line_caret_rule_and_help() -> None:
    finding = Finding(
        "schema-unknown-property",
        "error",
        '"verison" is not known',
        'Did you mean "version"?',
        "vmapp.json",
        3,
        5,
        '    "verison": "1.2.0",',
        9,
    )
    assert render_finding(finding, colour=False).splitlines() == [
        'vmapp.json:3:5: error: "verison" is not known [schema-unknown-property]',
        '  3 |     "verison": "1.2.0",',
        "    |     ^^^^^^^^^",
        '  help: Did you mean "version"?',
    ]


def test_tabs_keep_the_caret_in_place() -> None:
    finding = Finding("r", "error", "m", "", "f", 1, 3, "\t\tx", 1)
    assert render_finding(finding, colour=False).splitlines()[-1] == "    | \t\t^"


def test_the_caret_stays_within_its_line() -> None:
    finding = Finding("r", "error", "m", "", "f", 1, 2, "ab", 99)
    assert render_finding(finding, colour=False).splitlines()[-1] == "    |  ^"


def test_a_finding_without_a_place_is_one_line() -> None:
    assert render_finding(Finding("r", "warning", "m"), colour=False) == "warning: m [r]"


def test_paths_below_the_current_folder_are_shown_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown_path(str(tmp_path / "a" / "b")) == "a/b"
    assert shown_path("/elsewhere/b") == "/elsewhere/b"
    assert shown_path("https://a.blob.core.windows.net/c") == "https://a.blob.core.windows.net/c"
