"""The parameters' tables in the READMEs say what the schemas say. ``VMPACK_UPDATE=1`` rewrites them."""

import os
from pathlib import Path

import pytest

from vmpack.installer import Template, available
from vmpack.installer.describe import markdown_table, parameters, with_table


@pytest.mark.parametrize("template", available(), ids=lambda template: template.name)
def test_the_readme_tells_the_parameters(template: Template) -> None:
    readme = Path(str(template.root)) / "README.md"
    text = with_table(readme.read_text("utf-8"), template.params_schema)
    assert markdown_table(template.params_schema) in text
    if os.environ.get("VMPACK_UPDATE"):
        readme.write_text(text, "utf-8", newline="\n")
    assert readme.read_text("utf-8") == text


def test_members_of_an_object_follow_it_and_references_are_looked_up() -> None:
    schema = {
        "required": ["a"],
        "properties": {
            "a": {
                "type": "object",
                "description": "An object.",
                "properties": {"b": {"$ref": "#/$defs/b", "description": "Either | or."}},
            },
            "c": {"enum": ["x", "y"], "default": "x", "x-os": "linux", "description": "A choice."},
        },
        "$defs": {"b": {"type": ["string", "integer"]}},
    }
    rows = parameters(schema)
    assert [(row.name, row.value, row.required, row.default) for row in rows] == [
        ("a", "object", True, ""),
        ("a.b", "text or number", False, ""),
        ("c", "`x`, `y`", False, '"x"'),
    ]
    assert markdown_table(schema).splitlines()[3:] == [
        "| `a.b` | text or number |  | Either \\| or. |",
        '| `c` | `x`, `y` | `"x"` | A choice. (Linux) |',
    ]
