"""Findings as text: ``file:line:column``, the source line, a caret, the rule and the remedy."""

import os
from pathlib import Path

import click

from vmpack.findings import Finding

_COLOURS = {"error": "red", "warning": "yellow"}


def shown_path(path: str) -> str:
    """Give a path as the reader would type it: relative where it lies below the current folder; a URL as it is."""
    if not path or "://" in path:
        return path
    try:
        relative = os.path.relpath(path)
    except ValueError:
        return path
    return path if relative.startswith("..") else str(Path(relative))


def _place(finding: Finding) -> str:
    parts = [shown_path(finding.file)]
    if finding.line:
        parts += [str(finding.line), str(finding.column)]
    return ":".join(part for part in parts if part)


def _excerpt(finding: Finding) -> list[str]:
    if not finding.source_line:
        return []
    number = str(finding.line)
    at = (finding.caret or finding.column) - 1
    margin = " " * len(number)
    # A tab before the caret stays a tab, so that both lines shift alike on any terminal.
    before = "".join("\t" if letter == "\t" else " " for letter in finding.source_line[:at])
    room = max(1, len(finding.source_line) - len(before))
    caret = "^" * max(1, min(finding.length, room))
    return [f"  {number} | {finding.source_line}", f"  {margin} | {before}{caret}"]


def render_finding(finding: Finding, *, colour: bool) -> str:
    """Give a finding as lines of text."""
    severity = (
        click.style(finding.severity, fg=_COLOURS[finding.severity], bold=True)
        if colour
        else finding.severity
    )
    place = _place(finding)
    head = f"{place}: " if place else ""
    lines = [f"{head}{severity}: {finding.message} [{finding.rule}]", *_excerpt(finding)]
    if finding.help:
        lines.append(f"  help: {finding.help}")
    return "\n".join(lines)
