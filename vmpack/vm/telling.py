"""A scenario's result in lines that people like to read; pure text, no colour."""

import textwrap

from vmpack.vm.execution import CommandRun
from vmpack.vm.model import Problem, ScenarioResult, TestReport

_TAIL = 12
_MORE_PATHS = 15
_WIDTH = 24


def row(result: ScenarioResult, word: str) -> str:
    """Give the scenario's line in the table; ``word`` is its verdict as it shall look, eight cells wide."""
    time = f"{result.seconds:6.2f} s" if result.result != "skipped" else " " * 8
    told = result.reason if result.result != "passed" else result.summary
    return f"  {word} {result.name:<{_WIDTH}}{time}  {first_line(told)}"


def failure(result: ScenarioResult) -> list[str]:
    """Tell a failed scenario: what happened, how it got there, the command and its output, and what to do."""
    lines = [f"{result.name}: {result.summary}"]
    for problem in result.problems:
        lines += ["", f"  {problem.message} [{problem.rule}]"]
        lines += _problem(problem)
    steps = ", ".join(f"{step.what} {_word(step.result)}" for step in result.steps)
    if steps:
        lines += _field("steps", steps)
    for step in result.steps:
        for note in step.notes:
            lines += _field("note", note)
    if result.kept:
        lines += _field("sandbox", result.kept)
    return lines


def verdict(report: TestReport) -> str:
    """Sum up a run in one line."""
    counts = [
        f"{number} {word}"
        for word in ("passed", "failed", "skipped")
        if (number := sum(scenario.result == word for scenario in report.scenarios))
    ]
    where = f"sandbox {report.sandbox}" if report.sandbox else "no sandbox"
    return f"{report.name} {report.version}: {', '.join(counts)} in {report.seconds:.1f} s ({where})"


def first_line(text: str) -> str:
    """Give a text's first line, shortened to what a terminal shows."""
    lines = text.strip().splitlines()
    return textwrap.shorten(lines[0], 160, placeholder=" …") if lines else ""


def _problem(problem: Problem) -> list[str]:
    lines: list[str] = []
    if problem.run:
        lines += _run(problem.run)
    for path in problem.paths[:_MORE_PATHS]:
        lines += _field("file", path)
    if len(problem.paths) > _MORE_PATHS:
        lines += _field("", f"and {len(problem.paths) - _MORE_PATHS} more")
    if problem.hint:
        lines += _field("hint", problem.hint)
    return lines


def _run(run: CommandRun) -> list[str]:
    code = "none" if run.code is None else str(run.code)
    lines = _field("command", run.command)
    lines += _field("exit code", f"{code} after {run.seconds:.2f} s ({run.operation}: {run.reason})")
    for name, text in (("stdout", run.stdout), ("stderr", run.stderr)):
        tail = text.rstrip().splitlines()[-_TAIL:]
        lines += _field(name, *(tail or ["(empty)"]))
    return lines


def _field(name: str, *values: str) -> list[str]:
    lines = [line for value in values for line in value.splitlines() or [""]]
    return [f"    {name if number == 0 else '':<10} {line}" for number, line in enumerate(lines)]


def _word(result: str) -> str:
    return "ok" if result == "passed" else result
