"""What a failed command's output usually means, and what to do about it."""

import re

from vmpack.vm.execution import CommandRun

_BASH = (
    r"\[\[: not found|source: not found|Illegal option -o pipefail|Syntax error: \"\(\" unexpected|Bad substitution|"
    r"(declare|shopt|let|pushd|function): not found|Syntax error: redirection unexpected"
)
_HOME = (
    r"HOME: (parameter not set|unbound variable|parameter null or not set)|\$HOME\b.*not (set|defined)|"
    r"HOME.{0,20}(not set|undefined|must be set)|could not determine home|'/\.(config|cache|local|ssh)"
)
_NETWORK = (
    r"Could not resolve|emporary failure (in name resolution|resolving)|Name or service not known|"
    r"Network is unreachable|Failed to fetch|Could not connect to|unable to resolve host|No route to host|"
    r"curl: \([67]\)"
)
_ABSENT = r"No such file or directory|does not exist|not found|[Nn]o such user|not loaded|cannot remove"

_PATTERNS: tuple[tuple[str, str], ...] = (
    (
        _BASH,
        (
            "The agent runs commands with /bin/sh, which is dash on Debian and Ubuntu, and this is bash: "
            "start the script with 'bash ./script', or write POSIX sh."
        ),
    ),
    (
        _HOME,
        "The agent gives commands no HOME, USER or TERM: set what you need yourself, as in 'HOME=/root'.",
    ),
    (
        _NETWORK,
        (
            "The command needs the network, and the sandbox has none: pack what it downloads, or test with "
            "--network when every target VM is sure to have it."
        ),
    ),
    (
        r"Could not get lock|lock-frontend|is locked by another process|dpkg was interrupted",
        "Another package manager runs at first boot: use 'apt-get -o DPkg::Lock::Timeout=600'.",
    ),
    (r"Permission denied", "Was it run from a noexec mount? Start scripts with 'sh ./script'."),
    (r"Text file busy", "A running program's file was overwritten: write beside it and rename."),
    (
        r"File exists|already exists",
        "It was there already: install, update and remove must work when run again over what is there.",
    ),
    (
        _ABSENT,
        (
            "Something was expected that is not there: a failed install is never undone or retried, so update "
            "and remove must work with nothing or half of it installed."
        ),
    ),
)


def of_run(run: CommandRun) -> str:
    """Give the likeliest cause of a command's failure; empty when nothing is recognised."""
    text = f"{run.stderr}\n{run.stdout}"
    if run.operation in ("Remove", "RemoveForUpdate"):
        return _of_removal(run, text)
    told = _of_text(text)
    return told or of_command(run.command)


def _of_removal(run: CommandRun, text: str) -> str:
    if re.search(_ABSENT, text):
        when = (
            "every later upgrade then stops" if run.operation == "RemoveForUpdate" else "it is never retried"
        )
        return (
            "Remove must end with 0 when there is nothing to remove ('rm -f', 'id -u NAME && userdel NAME'): "
            f"a failed remove is reported, and {when}."
        )
    return _of_text(text)


def _of_text(text: str) -> str:
    return next((hint for pattern, hint in _PATTERNS if re.search(pattern, text)), "")


def of_command(command: str) -> str:
    """Give what is dangerous in the text of a command; empty when nothing is."""
    bare = re.sub(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\$\([^()]*\)", " ", command)
    bare = re.sub(r"\|\s*(sha\d+sum|b2sum|md5sum|grep|cmp|diff)\b", " ", bare)  # what checks may come last
    bare = re.sub(r";;|;\s*(then|do|else|elif|fi|done|esac)\b|;\s*exit\b", " ", bare)
    if re.search(r";|(?<![&>])&(?![&>])\s*\S", bare) and "set -e" not in command:
        return (
            "Parts joined with ';' hide failures: only the last one's exit code counts. Join them with '&&'."
        )
    if re.search(r"[^|]\|[^|]", bare):
        return "A pipe hides failures: only its last command's exit code counts."
    return ""
