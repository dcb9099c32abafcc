"""A test report as JUnit XML, the form that CI services show."""

import xml.etree.ElementTree as ET

from vmpack.vm.model import Problem, ScenarioResult, TestReport


def junit(report: TestReport) -> bytes:
    """Give the report as one test suite, UTF-8."""
    counted = {
        "tests": len(report.scenarios),
        "failures": sum(scenario.result == "failed" for scenario in report.scenarios),
        "skipped": sum(scenario.result == "skipped" for scenario in report.scenarios),
        "errors": 0,
    }
    attributes = {key: str(value) for key, value in counted.items()}
    attributes |= {"name": f"vmpack test {report.name} {report.version}", "time": f"{report.seconds:.3f}"}
    root = ET.Element("testsuites")
    suite = ET.SubElement(root, "testsuite", attributes)
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", {"name": "sandbox", "value": report.sandbox or "none"})
    for note in report.notes:
        ET.SubElement(properties, "property", {"name": "note", "value": _clean(note)})
    for scenario in report.scenarios:
        _case(suite, report, scenario)
    ET.indent(root)
    data: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _case(suite: ET.Element, report: TestReport, scenario: ScenarioResult) -> None:
    attributes = {"classname": f"{report.name}.{report.version}", "name": scenario.name}
    case = ET.SubElement(suite, "testcase", attributes | {"time": f"{scenario.seconds:.3f}"})
    if scenario.result == "skipped":
        ET.SubElement(case, "skipped", {"message": _clean(scenario.reason)})
    for problem in scenario.problems:
        failure = ET.SubElement(case, "failure", {"type": problem.rule, "message": _clean(problem.message)})
        failure.text = _clean(_details(problem))


def _details(problem: Problem) -> str:
    lines = [problem.hint, *problem.paths]
    if problem.run:
        lines += [f"command: {problem.run.command}", f"exit code: {problem.run.code}"]
        lines += [f"stdout: {problem.run.stdout[-2000:]}", f"stderr: {problem.run.stderr[-2000:]}"]
    return "\n".join(filter(None, lines))


def _clean(text: str) -> str:
    """Drop the control characters that XML cannot carry."""
    return "".join(character for character in text if character in "\t\n" or ord(character) >= 32)
