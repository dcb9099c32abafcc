import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from vmpack import installer, manifest, resources
from vmpack.installer import remembered
from vmpack.installer.model import PayloadFacts
from vmpack.manifest.model import Manifest
from vmpack.values import replace

FACTS = PayloadFacts("payload.tar.zst", "tar.zst", 3, 5_000_000)


class Memory(dict[bytes, bytes]):
    """A memory that never forgets."""

    def put(self, key: bytes, data: bytes) -> None:
        self[key] = data


@pytest.fixture
def wanted(make_app: Callable[..., Path]) -> Manifest:
    return manifest.load(make_app())


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """A copy of the built-in template, which comes before it."""
    folder = tmp_path / "own"
    shutil.copytree(str(resources.templates().joinpath("archive")), folder / "archive")
    return folder


def test_the_second_time_gives_the_same_without_rendering(
    wanted: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory()
    first = remembered.render(wanted, FACTS, memory)
    assert first == installer.render(wanted, FACTS)
    monkeypatch.delattr("vmpack.installer.rendering.render")
    assert remembered.render(wanted, FACTS, memory) == first


def test_a_payload_that_grows_a_little_keeps_its_scripts(wanted: Manifest) -> None:
    memory = Memory()
    for facts in (FACTS, replace(FACTS, size=FACTS.size + 100, files=4)):
        assert remembered.render(wanted, facts, memory) == installer.render(wanted, facts)
    assert len(memory) == 1


@pytest.mark.parametrize(
    "line",
    ["echo {{ payload.size }}", "echo {{ payload['files'] }}", "{% set p = payload %}echo {{ p.size }}"],
)
def test_a_template_that_counts_is_rendered_for_each_count(
    wanted: Manifest, templates: Path, line: str
) -> None:
    with (templates / "archive/linux/archive.sh.j2").open("a") as file:
        file.write(f"{line}\n")
    memory = Memory()
    for facts in (FACTS, replace(FACTS, size=FACTS.size + 100, files=4)):
        found = remembered.render(wanted, facts, memory, template_dirs=(templates,))
        assert found == installer.render(wanted, facts, template_dirs=(templates,))
    assert len(memory) == 2


def test_whatever_decides_the_scripts_makes_it_render(wanted: Manifest, templates: Path) -> None:
    memory = Memory()
    other = replace(wanted, version="9.9.9")
    larger = replace(FACTS, size=2 * FACTS.size)
    calls = [(wanted, FACTS), (other, FACTS), (wanted, larger), (wanted, replace(FACTS, format="tar"))]
    for each, facts in calls:
        found = remembered.render(each, facts, memory, template_dirs=(templates,))
        assert found == installer.render(each, facts, template_dirs=(templates,))
    with (templates / "archive/linux/archive.sh.j2").open("a") as file:
        file.write("# changed\n")
    found = remembered.render(wanted, FACTS, memory, template_dirs=(templates,))
    assert any(b"# changed" in script.data for script in found.scripts)
    assert len(memory) == len(calls) + 1


def test_a_file_that_a_template_includes_decides_too(wanted: Manifest, templates: Path) -> None:
    part = templates / "archive/linux/parts/note.sh"
    part.parent.mkdir()
    with (templates / "archive/linux/archive.sh.j2").open("a") as file:
        file.write('{% include "linux/parts/note.sh" %}\n')
    memory = Memory()
    for text in ("# one", "# two"):
        part.write_text(text)
        found = remembered.render(wanted, FACTS, memory, template_dirs=(templates,))
        assert any(text.encode() in script.data for script in found.scripts)
