import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from vmpack.release.again import Asked, Record
from vmpack.release.build import BuildOptions, build
from vmpack.release.built import Built
from vmpack.release.check import read
from vmpack.values import replace

MakeApp = Callable[..., Path]
TODAY = date(2026, 11, 23)


@pytest.fixture(autouse=True)
def every_stamp_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vmpack.release.again.MARGIN_NS", -(10**13))


@pytest.fixture
def asked(make_app: MakeApp, tmp_path: Path) -> Asked:
    """A build whose manifest refers to a variable, with a template folder, an ignore file and a config."""
    templates = tmp_path / "templates"
    shutil.copytree(Path(__file__).parents[2] / "templates/archive", templates / "archive")
    app = make_app(
        {"bin/hello": "#!/bin/sh\n", "doc/text": "text", "doc/.vmpackignore": "*.log\n"},
        description="${WHAT}",
        config={"file": "hello.json"},
    )
    (app / "hello.json").write_text("{}")
    return Asked(app, tmp_path / "dist", {}, {"WHAT": "a test"}, (templates,), TODAY)


def records(asked: Asked) -> Path:
    return asked.dist.parent / "records"


def recalled(asked: Asked) -> Built | None:
    return Record(records(asked), asked).recall()


def built(asked: Asked) -> Built:
    record = Record(records(asked), asked)
    wanted = read(asked.manifest, {**asked.environment, **asked.variables}, today=asked.today)
    result = build(wanted, BuildOptions(asked.dist, asked.today, template_dirs=asked.template_dirs))
    record.remember(result.built, wanted, result.content)
    return result.built


def test_an_unchanged_build_is_recalled_whole(asked: Asked) -> None:
    first = built(asked)
    assert recalled(asked) == replace(first, reused=first.segments)


def test_nothing_is_recalled_before_the_first_build(asked: Asked) -> None:
    assert recalled(asked) is None


def rewrite_in_place(path: Path) -> None:
    """Change bytes but neither the size nor the time of modification."""
    status = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file's bytes": lambda app: rewrite_in_place(app / "files/bin/hello"),
    "a file's mode": lambda app: (app / "files/doc/text").chmod(0o755),
    "a new file": lambda app: (app / "files/doc/new").write_text(""),
    "a file less": lambda app: (app / "files/doc/text").unlink(),
    "a new folder": lambda app: (app / "files/empty").mkdir(),
    "an ignore file": lambda app: rewrite_in_place(app / "files/doc/.vmpackignore"),
    "an ignore file beside the manifest": lambda app: (app / ".vmpackignore").write_text("doc/\n"),
    "the config": lambda app: rewrite_in_place(app / "hello.json"),
    "the manifest": lambda app: rewrite_in_place(app / "vmapp.json"),
    "the template": lambda app: rewrite_in_place(app.parent / "templates/archive/linux/archive.sh.j2"),
    "templates beside the manifest": lambda app: (app / "templates").mkdir(),
    "a new template": lambda app: (app.parent / "templates/other").mkdir(),
    "the package": lambda app: rewrite_in_place(app.parent / "dist/hello/1.2.0/hello.tar"),
    "a report": lambda app: rewrite_in_place(app.parent / "dist/hello/1.2.0/version.json"),
    "a report less": lambda app: (app.parent / "dist/hello/1.2.0/SHA256SUMS").unlink(),
    "a receipt": lambda app: (app.parent / "dist/hello/1.2.0/publish.json").write_text("{}"),
    "no release": lambda app: shutil.rmtree(app.parent / "dist"),
    "no record": lambda app: shutil.rmtree(app.parent / "records"),
    "a damaged record": lambda app: [
        rewrite_in_place(record) for record in (app.parent / "records").iterdir()
    ],
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_makes_it_build(asked: Asked, change: str) -> None:
    built(asked)
    CHANGES[change](asked.manifest)
    assert recalled(asked) is None


def test_a_manifest_that_changed_before_it_was_read_again_misleads_nobody(asked: Asked) -> None:
    path = asked.manifest / "vmapp.json"
    before = path.read_text()
    record = Record(records(asked), asked)
    path.write_text(before.replace("1.2.0", "1.2.1"))
    wanted = read(asked.manifest, asked.environment, today=asked.today)
    result = build(wanted, BuildOptions(asked.dist, asked.today, template_dirs=asked.template_dirs))
    record.remember(result.built, wanted, result.content)
    path.write_text(before)
    assert recalled(asked) is None


@pytest.mark.parametrize(
    "other",
    [
        {"variables": {"WHAT": "a test"}},
        {"environment": {"WHAT": "another"}},
        {"environment": {"WHAT": "a test", "SOURCE_DATE_EPOCH": "1700000000"}},
        {"today": date(2026, 11, 24)},
        {"template_dirs": ()},
    ],
)
def test_other_words_are_another_build(asked: Asked, other: dict[str, object]) -> None:
    built(asked)
    assert recalled(replace(asked, **other)) is None  # type: ignore[arg-type]


def test_what_the_manifest_does_not_name_changes_nothing(asked: Asked) -> None:
    built(asked)
    environment = {**asked.environment, "ELSE": "1"}
    (asked.manifest / "notes").write_text("not in the payload")
    assert recalled(replace(asked, environment=environment)) is not None


def test_a_reference_that_may_hide_is_never_recalled(asked: Asked) -> None:
    path = asked.manifest / "vmapp.json"
    path.write_text(path.read_text().replace("${WHAT}", "\\u0024{WHAT}"))
    built(asked)
    assert recalled(asked) is None


def test_a_file_that_is_too_young_to_be_trusted_is_read_again(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vmpack.release.again.MARGIN_NS", 2 * 10**9)
    built(asked)
    assert recalled(asked) is None


def test_warnings_are_told_again(asked: Asked) -> None:
    (asked.manifest / "files/.git").mkdir()
    assert built(asked).warnings
    again = recalled(asked)
    assert again is not None
    assert [finding.rule for finding in again.warnings] == ["payload-repository"]
