"""The walk over a payload while somebody else changes it."""

import os
import shutil
from pathlib import Path

import pytest

from vmpack.content.select import Patterns
from vmpack.content.walk import Walk


@pytest.mark.skipif(os.scandir not in os.supports_fd, reason="this system opens no folders")
def test_a_folder_that_becomes_a_link_is_not_entered(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "folder").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").touch()
    walk = Walk(str(root), Patterns(("**",), "include"), Patterns((), "exclude"), (), str(tmp_path))
    found = iter(walk)
    assert next(found)[0] == "folder"
    shutil.rmtree(root / "folder")
    (root / "folder").symlink_to(outside)
    assert list(found) == []
    assert [finding.rule for finding in walk.problems] == ["payload-unreadable"]
