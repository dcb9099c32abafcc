"""Every built-in template passes its own tests: golden files, syntax, injection."""

import pytest

from vmpack.installer import available
from vmpack.installer.discovery import Template
from vmpack.installer.testing import cases_of, render_case, try_template

BUILT_IN = [template for template in available() if template.origin == "built-in"]


@pytest.mark.parametrize("template", BUILT_IN, ids=lambda template: template.name)
def test_is_right(template: Template) -> None:
    results = try_template(template)
    assert [result for result in results if result.verdict != "passed"] == []


@pytest.mark.parametrize("template", BUILT_IN, ids=lambda template: template.name)
def test_has_a_case_for_every_system_and_a_page_for_its_users(template: Template) -> None:
    assert {case.os for case in cases_of(template)} == set(template.os)
    assert template.read("README.md").startswith(f"# {template.name}")


@pytest.mark.parametrize("template", BUILT_IN, ids=lambda template: template.name)
def test_every_parameter_is_described_and_used(template: Template) -> None:
    sources = "".join(template.read(f"{os}/{name}.j2") for os in template.os for name in template.files(os))
    for name, schema in template.params_schema["properties"].items():
        assert schema["description"], name
        assert schema["examples"], name
        assert f"params.{name}" in sources


@pytest.mark.parametrize("template", BUILT_IN, ids=lambda template: template.name)
def test_scripts_are_written_for_their_system(template: Template) -> None:
    for case in cases_of(template):
        for script in render_case(template, case).scripts:
            assert (b"\r\n" in script.data) == (case.os == "windows"), script.name
            assert script.data.startswith(b"\xef\xbb\xbf") == (case.os == "windows"), script.name
