"""Rules about commands that are given word by word: what the agent's shell makes of them."""

import re
from collections.abc import Iterator

from vmpack.gallery.rule import Breach, Circumstances, PlatformRule
from vmpack.manifest.model import Manifest
from vmpack.manifest.rules import Rule
from vmpack.types import ACTIONS, Pointer

# What stands in quotes or in a here-document is another program's business: bash -c '[[ -f x ]]' is fine.
_QUOTED = r"""(?msx)
    (?<!<)<<(?!<)-?\s*(['"]?)(\w+)\1.*?(?:^\t*\2$|\Z)
    | '[^']*'
    | "(?:[^"\\]|\\.)*"
    | (?<!\S)\#[^\n]*
"""
_START = r"(?:^|[;&|({]|\b(?:then|do|else|if|while|until)\b)[ \t]*"
_BASHISMS = (
    ("[[ … ]]", rf"(?m){_START}(?:![ \t]+)?\[\[\s"),
    ("source", rf"(?m){_START}source\s+\S"),
    ("set -o pipefail", r"\bset\s+-\w*o\s+pipefail"),
    ("a here-string (<<<)", r"<<<"),
    ("process substitution", r"(?:^|\s)[<>]\("),
    ("&>", r"&>"),
    ("an array", r"(?m)(?:^|[;&|\s])\w+=\("),
    ("function", rf"(?m){_START}function\s+\w"),
    ("(( … ))", rf"(?m){_START}\(\("),
    ("$'…'", r"\$<quoted>"),
)


def _commands(manifest: Manifest) -> Iterator[tuple[Pointer, str]]:
    if manifest.actions:
        for action in ACTIONS:
            command = getattr(manifest.actions, action)
            if command is not None:
                yield ("actions", action), command


def _length(manifest: Manifest, facts: Circumstances) -> Iterator[Breach]:
    most = facts.limits.command_length
    for pointer, command in _commands(manifest):
        # The service counts UTF-16 units, as .NET does.
        length = len(command.encode("utf-16-le", "surrogatepass")) // 2
        if length > most:
            yield Breach(pointer, {"action": pointer[1], "length": length, "most": most})


def _no_update(manifest: Manifest, _: Circumstances) -> Iterator[Breach]:
    if manifest.actions and manifest.actions.update is None:
        yield Breach(("actions",))


def _bashisms(manifest: Manifest, _: Circumstances) -> Iterator[Breach]:
    if manifest.os != "linux":
        return
    checks = (((("tests", index, "run"), check.run)) for index, check in enumerate(manifest.checks))
    for pointer, command in (*_commands(manifest), *checks):
        bare = re.sub(_QUOTED, _placeholder, command)
        if found := [name for name, pattern in _BASHISMS if re.search(pattern, bare)]:
            yield Breach(pointer, {"found": ", ".join(found)})


def _placeholder(match: re.Match[str]) -> str:
    return "<quoted>" if match[0].startswith("'") else " quoted "


def _line_breaks(manifest: Manifest, _: Circumstances) -> Iterator[Breach]:
    for pointer, command in _commands(manifest) if manifest.os == "windows" else ():
        if "\n" in command.strip("\r\n") or "\r" in command.strip("\r\n"):
            yield Breach(pointer)


def _outer_quotes(manifest: Manifest, _: Circumstances) -> Iterator[Breach]:
    for pointer, command in _commands(manifest) if manifest.os == "windows" else ():
        if command.startswith('"') and not command.startswith('""') and command.count('"') > 2:
            yield Breach(pointer)


def _stale_errorlevel(manifest: Manifest, _: Circumstances) -> Iterator[Breach]:
    for pointer, command in _commands(manifest) if manifest.os == "windows" else ():
        if "%errorlevel%" in command.casefold().partition("&")[2]:
            yield Breach(pointer)


def _reboot_codes(manifest: Manifest, _: Circumstances) -> Iterator[Breach]:
    for pointer, command in _commands(manifest) if manifest.os == "windows" else ():
        if re.search(r"\bmsiexec(?:\.exe)?\b", command, re.IGNORECASE) and "3010" not in command:
            yield Breach(pointer)


RULES = (
    PlatformRule(
        Rule(
            "gallery-command-length",
            "the {action} command has {length} characters, the gallery stores at most {most}",
            "Put the work into a script in the payload and call that.",
        ),
        _length,
    ),
    PlatformRule(
        Rule(
            "gallery-no-update",
            "without an update command the agent runs the old version's remove with the new package's bytes under the"
            " old name, then install",
            "Give `update`; often it is the same as install.",
            "warning",
        ),
        _no_update,
    ),
    PlatformRule(
        Rule(
            "gallery-not-posix",
            "the agent runs this by /bin/sh, which is not bash on Debian and Ubuntu: {found}",
            "Write POSIX sh, or call bash with a script from the payload: bash ./install.sh.",
            "warning",
        ),
        _bashisms,
    ),
    PlatformRule(
        Rule(
            "gallery-line-break",
            "cmd /C stops at the first line break: what follows would never run",
            "Write one line, joined by &&, or put the lines into a script in the payload.",
        ),
        _line_breaks,
    ),
    PlatformRule(
        Rule(
            "gallery-outer-quotes",
            "cmd /C takes the first and the last quote away from a command that starts with a quote",
            'Put one more pair of quotes around the whole command: ""C:\\my app\\setup.exe" "an argument"".',
            "warning",
        ),
        _outer_quotes,
    ),
    PlatformRule(
        Rule(
            "gallery-stale-errorlevel",
            "%ERRORLEVEL% is filled in before the first command of the line runs",
            "Use `if errorlevel N`, or && and ||.",
            "warning",
        ),
        _stale_errorlevel,
    ),
    PlatformRule(
        Rule(
            "gallery-reboot-code",
            "msiexec ends with 3010 when only a reboot is missing, and the agent counts that as a failure",
            'Turn 3010 into 0: start "" /wait msiexec … & if errorlevel 3011 (exit 1) else if errorlevel 3010 (exit 0) else if'
            " errorlevel 1 (exit 1).",
            "warning",
        ),
        _reboot_codes,
    ),
)
