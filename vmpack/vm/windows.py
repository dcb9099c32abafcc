"""Windows releases: nothing is executed here, commands and scripts are read.

The rules of cmd are those of facts measured with a real agent: it starts ``cmd /C <command>`` with the text as it is.
"""

import re
import zipfile
from collections.abc import Callable, Iterator

from vmpack.limits import DEFAULT
from vmpack.release.model import Release
from vmpack.vm.model import Problem, ScenarioResult, TestReport

NOTE = "Windows: NOTHING WAS EXECUTED. Commands and scripts were read and checked by rules only."
_CMD_LIMIT = 8191 - len("/C ")
_QUOTED = re.compile(r'"[^"]*"')
_Check = Callable[[Release], Iterator[Problem]]


def read_release(release: Release, observe: Callable[[ScenarioResult], None]) -> TestReport:
    """Check a Windows release by reading it; ``observe`` gets each result."""
    results = []
    for name, summary, check in _CHECKS:
        try:
            problems = tuple(check(release))
            reason = problems[0].message if problems else ""
            result = ScenarioResult(
                name, summary, "failed" if problems else "passed", reason, problems=problems
            )
        except ImportError:
            result = ScenarioResult(
                name,
                summary,
                "skipped",
                "tree-sitter-powershell is not installed: pip install 'vmpack[lint]'",
            )
        results.append(result)
        observe(result)
    return TestReport(release.name, release.version, "windows", "", "", tuple(results), (NOTE,))


def command_problems(command: str) -> Iterator[Problem]:
    """Read one command as cmd would."""
    bare = _QUOTED.sub('""', command)
    if len(command) > min(DEFAULT.command_length, _CMD_LIMIT):
        yield Problem("command-too-long", f"the command has {len(command)} characters, 4096 are allowed")
    if "\n" in command or "\r" in command:
        yield Problem(
            "command-lines", "cmd /C stops at the end of the first line", "Join the parts with '&&'."
        )
    if command.startswith('"') and not _is_one_program(command):
        hint = "Begin with 'call', or put another pair of quotes around the whole command."
        yield Problem("command-quotes", "cmd strips the first and the last quote of this command", hint)
    for pattern, rule, message, hint in _CMD_RULES:
        if re.search(pattern, bare, re.IGNORECASE):
            yield Problem(rule, message, hint)
    variable = re.search(r"\bset\s+\"?(\w+)=.*%\1%", command, re.IGNORECASE)
    if variable:
        message = f"%{variable[1]}% is expanded before 'set' has run"
        yield Problem("command-expansion", message, "Use a script file, or cmd /V:ON and !NAME!.")


def exit_code_problems(command: str) -> Iterator[Problem]:
    """Read how a command's end becomes its exit code."""
    if re.search(r"\bmsiexec\b", command, re.IGNORECASE):
        if "3010" not in command:
            hint = "start /wait msiexec /i x.msi /qn & if errorlevel 3010 (exit /b 0) else if errorlevel 1 exit /b 1"
            yield Problem("msiexec-reboot", "msiexec's 3010 (reboot wanted) counts as a failure", hint)
        if not re.search(r"/q(n|uiet)?\b", command, re.IGNORECASE):
            yield Problem("msiexec-asks", "msiexec would ask, and nobody is there to answer", "Add /qn.")
    if re.search(r"powershell(\.exe)?\b.*-c(ommand)?\s", command, re.IGNORECASE) and "exit" not in command:
        hint = "Use -File, or end with 'exit $LASTEXITCODE'."
        yield Problem("powershell-exit-code", "powershell -Command gives 0 or 1, not the script's code", hint)


_CMD_RULES = (
    (
        r"\w\s*;\s*\w",
        "command-semicolon",
        "cmd does not separate commands with ';'",
        "Use '&&', or '&' where the failure of the first does not matter.",
    ),
    (r"(^|&)\s*\./", "command-slash", "cmd does not run './x'", "Write '.\\x'."),
    (
        r"%errorlevel%",
        "command-errorlevel",
        "%ERRORLEVEL% is expanded before the first command has run",
        "Use 'if errorlevel N'.",
    ),
    (r"%%\w", "command-percent", "'%%i' is for batch files", "Write '%i' in a command."),
    (
        r"(?<![&^>])&(?!&)(?!\s*(if\s|exit\b|\())",
        "command-ampersand",
        "parts joined with '&' hide failures",
        "Join them with '&&', or test with 'if errorlevel 1 exit /b 1'.",
    ),
)


def _commands(release: Release) -> Iterator[tuple[str, str]]:
    commands = release.commands
    for name, command in (
        ("install", commands.install),
        ("update", commands.update),
        ("remove", commands.remove),
    ):
        if command:
            yield name, command


def _each(check: Callable[[str], Iterator[Problem]]) -> _Check:
    def of_release(release: Release) -> Iterator[Problem]:
        for name, command in _commands(release):
            for problem in check(command):
                yield Problem(
                    problem.rule, f"{name}: {problem.message}", problem.hint, paths=(command[:200],)
                )

    return of_release


def _is_one_program(command: str) -> bool:
    return bool(re.fullmatch(r'"[^"&<>()@^|]+\.(exe|com|cmd|bat)"', command, re.IGNORECASE))


def _integrity(release: Release) -> Iterator[Problem]:
    """Look whether install and update know the digest of the package they belong to."""
    for name, command in _commands(release):
        if name != "remove" and release.package.sha256 not in command.lower():
            message = f"{name}: nothing checks that the package arrived whole"
            hint = "The agent runs the command even when the download failed, and nobody checks the bytes."
            yield Problem("no-integrity-check", message, hint)


def _scripts(release: Release) -> Iterator[Problem]:
    """Parse the scripts that vmpack generated; they stay inside what the grammar knows."""
    from vmpack.installer.shape import problems_of

    if not zipfile.is_zipfile(release.package.path):
        return
    with zipfile.ZipFile(release.package.path) as archive:
        for name in archive.namelist():
            if name.startswith("lifecycle/"):
                for told in problems_of(name, archive.read(name)):
                    yield Problem("script", f"{name}: {told}", paths=(name,))


_CHECKS: tuple[tuple[str, str, _Check], ...] = (
    (
        "commands",
        "the commands as cmd /C reads them: one line, length, quotes, separators",
        _each(command_problems),
    ),
    ("exit-codes", "every way to the end gives the right exit code", _each(exit_code_problems)),
    ("integrity", "install and update check the package before they use it", _integrity),
    ("scripts", "the lifecycle scripts parse, for Windows PowerShell 5.1", _scripts),
)
