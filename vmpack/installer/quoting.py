"""Text to a literal of the target's language: the only place where user text becomes part of a script.

A POSIX shell takes everything between single quotes word by word. PowerShell does too, but also ends such a
literal at four typographic quotes. A systemd unit has no quotes for a whole value; there a value ends with its
line, so what cannot stand on one line is refused.
"""

import os
import re
import shlex
from collections.abc import Sequence

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_POWERSHELL_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
"""What PowerShell takes for a single quote (CodeGeneration.EscapeSingleQuotedStringContent)."""


class QuotingError(ValueError):
    """A text that the target's language cannot hold."""


def shell(text: str) -> str:
    """Quote one word for a POSIX shell; always in quotes, so that every word reads and parses alike."""
    _refuse_nul(text)
    return "'" + text.replace("'", "'\"'\"'") + "'"


def powershell(text: str) -> str:
    """Quote one string for PowerShell, 5.1 and later."""
    _refuse_nul(text)
    return "'" + _POWERSHELL_QUOTES.sub(lambda match: match[0] * 2, text) + "'"


def unit_value(text: str) -> str:
    """Give the value of a systemd directive that is taken as it stands: one line, ``%`` doubled."""
    if _CONTROL.search(text):
        raise QuotingError(f"a unit file cannot hold the control character in {text!r}")
    if text.endswith("\\"):
        raise QuotingError(f"a backslash at the end of {text!r} would join the next line of the unit file")
    if text != text.strip():
        raise QuotingError(f"systemd drops the space around {text!r}")
    return text.replace("%", "%%")


def unit_word(text: str) -> str:
    """Quote one word of a directive that holds several, as ``Environment=`` does (systemd.syntax, quoting)."""
    _refuse_nul(text)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return '"' + _CONTROL.sub(_unit_escape, escaped) + '"'


def unit_command(words: Sequence[str] | str, folder: str) -> str:
    """Quote a command line for ``ExecStart=``; a program without a leading slash lies in ``folder``.

    A list is taken word by word, with ``$`` doubled. A text is split into words as systemd would split it, and
    keeps systemd's own expansion of ``$VARIABLE`` from the unit's environment; ``%`` is literal in both.
    """
    if isinstance(words, str):
        try:
            program, *arguments = shlex.split(words)
        except ValueError as error:
            raise QuotingError(f"the command line {words!r} cannot be split into words: {error}") from error
    else:
        program, *arguments = (words[0], *(word.replace("$", "$$") for word in words[1:]))
    return " ".join(map(unit_word, (os.path.join(folder, program), *arguments)))


def windows_arguments(words: Sequence[str]) -> str:
    """Join arguments to the text that CommandLineToArgvW takes apart again; still to be quoted for its script."""
    import subprocess

    return subprocess.list2cmdline(words)


def comment(text: str) -> str:
    """Make text safe behind a comment sign: one line, no control characters."""
    return " ".join(_CONTROL.sub(" ", text).split())


def _unit_escape(match: re.Match[str]) -> str:
    return "".join(f"\\x{byte:02x}" for byte in match[0].encode())


def _refuse_nul(text: str) -> None:
    if "\0" in text:
        raise QuotingError(f"no script can hold the NUL character in {text!r}")
