"""Findings in the words of CI services: GitHub workflow commands, Azure Pipelines logging commands.

Both services read them from either stream; vmpack writes them to stderr so that stdout stays a clean result.
Also the services' files for outputs and summaries.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from vmpack.cli.render import shown_path
from vmpack.errors import VmpackError
from vmpack.findings import Finding


def on_github(environment: Mapping[str, str]) -> bool:
    """Tell whether this runs as a GitHub Actions step."""
    return environment.get("GITHUB_ACTIONS") == "true"


def on_azure_pipelines(environment: Mapping[str, str]) -> bool:
    """Tell whether this runs as an Azure Pipelines step."""
    return environment.get("TF_BUILD", "").lower() == "true"


def _github_text(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github_property(text: str) -> str:
    return _github_text(text).replace(":", "%3A").replace(",", "%2C")


def _azure_text(text: str) -> str:
    return text.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")


def _azure_property(text: str) -> str:
    return _azure_text(text).replace(";", "%3B").replace("]", "%5D")


def _sentences(*parts: str) -> str:
    """Join what is said: an annotation is one paragraph, where the terminal has lines."""
    said = [part if part.endswith((".", "!", "?")) else f"{part}." for part in parts if part]
    return " ".join(said)


def of_finding(finding: Finding, environment: Mapping[str, str]) -> Iterator[str]:
    """Give the annotation lines that the service around us understands; none elsewhere."""
    message = _sentences(finding.message, finding.help)
    path = shown_path(finding.file)
    if on_github(environment):
        place = {"file": path, "line": finding.line, "col": finding.column, "title": f"vmpack {finding.rule}"}
        properties = ",".join(
            f"{key}={_github_property(str(value))}" for key, value in place.items() if value
        )
        yield f"::{finding.severity} {properties}::{_github_text(message)}"
    if on_azure_pipelines(environment):
        fields = {
            "type": finding.severity,
            "sourcepath": path,
            "linenumber": finding.line,
            "columnnumber": finding.column,
            "code": finding.rule,
        }
        properties = ";".join(
            f"{key}={_azure_property(str(value))}" for key, value in fields.items() if value
        )
        yield f"##vso[task.logissue {properties}]{_azure_text(message)}"


def of_error(error: VmpackError, environment: Mapping[str, str]) -> Iterator[str]:
    """Give the annotation lines of an error that has no finding of its own."""
    message = _sentences(error.what, error.why, error.remedy)
    yield from of_finding(Finding(error.rule, "error", message, file=error.where), environment)


def _github_output(name: str, value: str) -> str:
    import secrets

    delimiter = f"vmpack_{secrets.token_hex(16)}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def write_outputs(
    outputs: Mapping[str, str], environment: Mapping[str, str], *, secret: bool = False
) -> Iterator[str]:
    """Hand values to later steps; give the lines to print where the service wants them printed.

    GitHub reads a file, with the value between delimiters that it cannot contain; Azure Pipelines reads logging
    commands, where ``secret`` hides the value from its logs.
    """
    target = environment.get("GITHUB_OUTPUT")
    if on_github(environment) and target:
        with Path(target).open("a", encoding="utf-8") as file:
            file.writelines(_github_output(name, value) for name, value in outputs.items())
    if on_azure_pipelines(environment):
        flags = "isOutput=true;issecret=true" if secret else "isOutput=true"
        for name, value in outputs.items():
            yield f"##vso[task.setvariable variable={_azure_property(name)};{flags}]{_azure_text(value)}"


def write_summary(markdown: str, environment: Mapping[str, str]) -> None:
    """Append to the page that GitHub shows for the step."""
    target = environment.get("GITHUB_STEP_SUMMARY")
    if on_github(environment) and target:
        with Path(target).open("a", encoding="utf-8") as file:
            file.write(markdown.rstrip() + "\n")
