"""How a parser sees a generated script: whether it is sound, and its shape without the text in its literals."""

import re
import shutil
import subprocess
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

HOSTILE = (
    "'",
    '"',
    "`",
    "$(id)",
    "`id`",
    "${HOME}",
    "; id",
    "| id",
    "& id",
    "&& id",
    "> x",
    "\\",
    "\\'",
    "'\"'\"'; id; '",
    "'; id #",
    "' ; Stop-Computer ; '",
    "\u2019; Stop-Computer; \u2018",
    "$(Stop-Computer)",
    "\n id \n",
    "\r\n id",
    "\nExecStartPre=/bin/id",
    " # comment",
    "{{ app.name }}",
    "%n %h",
    "-rf /",
    "é漢\U0001f600",
)
"""Text that means something to some language; each must come out as text and nothing else."""

_LITERALS = {
    "sh": {"raw_string", "concatenation", "string", "word", "number", "comment"},
    "ps1": {"string_literal", "verbatim_string_characters", "comment"},
}
_NOT_IN_51 = (
    (re.compile(rb"&&|\|\|"), "&& and || are not known to Windows PowerShell 5.1"),
    (re.compile(rb"\?\?|\?\."), "?? and ?. are not known to Windows PowerShell 5.1"),
    (re.compile(rb'"[^"\r\n]*\$\w+:'), "a variable before a colon in a text needs braces"),
)


def problems_of(name: str, data: bytes) -> list[str]:
    """Say what is wrong with a generated file, by its suffix; raise ImportError when the parser is missing."""
    if name.endswith(".sh"):
        return _shell_problems(data)
    if name.endswith(".ps1"):
        return _powershell_problems(data)
    return []


def shape_of(name: str, data: bytes) -> object:
    """Give the tree of a script with every literal collapsed; for a unit file the names of its directives."""
    if name.endswith(".service"):
        return [b"#" if line.startswith(b"#") else line.split(b"=")[0] for line in data.splitlines()]
    suffix = name.rpartition(".")[2]
    if suffix not in _LITERALS:
        return data
    text = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    return _shape(_parser(suffix).parse(text).root_node, _LITERALS[suffix])


def _shape(node: "Node", literals: set[str]) -> object:
    if node.type in literals:
        return "literal" if node.type != "comment" else "comment"
    return (node.type, node.is_missing, tuple(_shape(child, literals) for child in node.children))


def _shell_problems(data: bytes) -> list[str]:
    problems = []
    for shell in ("dash", "sh"):
        if shutil.which(shell):
            done = subprocess.run([shell, "-n"], input=data, capture_output=True, check=False)
            problems += [done.stderr.decode(errors="replace").strip()] if done.returncode else []
            break
    program = _shellcheck()
    if program:
        arguments = [program, "-s", "sh", "-f", "gcc", "-"]
        done = subprocess.run(arguments, input=data, capture_output=True, check=False)
        problems += done.stdout.decode().splitlines()
    return problems


@cache
def _shellcheck() -> str | None:
    import sys
    from pathlib import Path

    beside = Path(sys.executable).parent / "shellcheck"
    return str(beside) if beside.exists() else shutil.which("shellcheck")


def _powershell_problems(data: bytes) -> list[str]:
    problems = []
    if not data.startswith(b"\xef\xbb\xbf"):
        problems.append("without a byte order mark Windows PowerShell 5.1 misreads it")
    if b"\n" in data.replace(b"\r\n", b""):
        problems.append("a line does not end with CRLF")
    text = data.removeprefix(b"\xef\xbb\xbf")
    problems += [
        f"line {line}: does not parse" for line in _broken_lines(_parser("ps1").parse(text).root_node)
    ]
    for number, line in enumerate(text.splitlines(), 1):
        code = re.sub(rb"'(?:[^']|'')*'|#.*", b"", line)
        problems += [f"line {number}: {message}" for pattern, message in _NOT_IN_51 if pattern.search(code)]
    return problems


def _broken_lines(node: "Node") -> list[int]:
    here = [node.start_point.row + 1] if node.type == "ERROR" or node.is_missing else []
    return here + [line for child in node.children for line in _broken_lines(child)]


@cache
def _parser(suffix: str) -> "Parser":
    from importlib import import_module

    from tree_sitter import Language, Parser

    grammar = import_module("tree_sitter_bash" if suffix == "sh" else "tree_sitter_powershell")
    return Parser(Language(grammar.language()))
