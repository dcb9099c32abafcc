from pathlib import Path

from vmpack.cli.annotations import of_finding, write_outputs, write_summary
from vmpack.findings import Finding

FINDING = Finding("schema-type", "error", "50% wrong:\nall of it", "Mend it.", "vmapp.json", 3, 5)


def test_nobody_is_told_outside_ci() -> None:
    assert list(of_finding(FINDING, {})) == []


def test_github_gets_a_workflow_command_with_everything_escaped() -> None:
    (line,) = of_finding(FINDING, {"GITHUB_ACTIONS": "true"})
    assert line == (
        "::error file=vmapp.json,line=3,col=5,title=vmpack schema-type::50%25 wrong:%0Aall of it. Mend it."
    )


def test_azure_pipelines_gets_a_logging_command() -> None:
    (line,) = of_finding(FINDING, {"TF_BUILD": "True"})
    assert line == (
        "##vso[task.logissue type=error;sourcepath=vmapp.json;linenumber=3;columnnumber=5;code=schema-type]"
        "50%AZP25 wrong:%0Aall of it. Mend it."
    )


def test_github_outputs_cannot_be_forged_by_a_value(tmp_path: Path) -> None:
    target = tmp_path / "output"
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(target)}
    assert list(write_outputs({"path": "a\nevil=1"}, environment)) == []
    first, *rest = target.read_text().splitlines()
    name, _, delimiter = first.partition("<<")
    assert name == "path"
    assert rest == ["a", "evil=1", delimiter]


def test_azure_pipelines_variables_can_be_secret() -> None:
    (line,) = write_outputs({"link": "x"}, {"TF_BUILD": "True"}, secret=True)
    assert line == "##vso[task.setvariable variable=link;isOutput=true;issecret=true]x"


def test_the_summary_is_appended(tmp_path: Path) -> None:
    target = tmp_path / "summary"
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(target)}
    write_summary("one", environment)
    write_summary("two\n", environment)
    assert target.read_text() == "one\ntwo\n"
