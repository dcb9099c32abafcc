"""The reference pages say what the schema and the rules say; VMPACK_UPDATE=1 writes them anew."""

import os
from pathlib import Path

import pytest

from vmpack.gallery.rules import RULES as PLATFORM_RULES
from vmpack.gallery.secrets import CONFIG_SECRET
from vmpack.manifest.loading import vmapp_schema
from vmpack.manifest.reference import manifest_page, rules_page
from vmpack.manifest.rules import RULES

_DOCS = Path(__file__).resolve().parents[2] / "docs"
_PLATFORM = (*(each.rule for each in PLATFORM_RULES), CONFIG_SECRET)
_PAGES = {
    "manifest.md": manifest_page(vmapp_schema()),
    "rules.md": rules_page({"The manifest": RULES, "The platform": _PLATFORM}),
}


@pytest.mark.parametrize("name", _PAGES)
def test_the_page_is_up_to_date(name: str) -> None:
    page = _DOCS / name
    if os.environ.get("VMPACK_UPDATE"):
        page.write_text(_PAGES[name], "utf-8", newline="\n")
    assert page.read_text("utf-8") == _PAGES[name], "run this test with VMPACK_UPDATE=1"


def test_rule_ids_are_unique_words_joined_by_hyphens() -> None:
    ids = [rule.id for rule in (*RULES, *_PLATFORM)]
    assert len(set(ids)) == len(ids)
    for each in ids:
        assert all(word.isalpha() and word.islower() for word in each.split("-"))


def test_every_rule_has_a_remedy() -> None:
    assert all(rule.message and rule.remedy for rule in (*RULES, *_PLATFORM))
