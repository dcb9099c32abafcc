"""The agent's own phrases, and what they mean: what happened, why, and what to do.

Each meaning comes from the agent's source (VMApplication-Extension e0e9eb3), not from its documentation.
"""

import re
from collections.abc import Callable
from typing import Literal

from vmpack.types import JSONValue
from vmpack.values import dataclass

Verdict = Literal["good", "bad", "uncertain"]

_NEW_VERSION = (
    "The agent never retries this version. Fix the cause and publish a new version number, or take the application "
    "out of the VM's profile and add it again."
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One thing that the text tells."""

    verdict: Verdict
    about: str
    """``hello 1.2.0, Install``; ``the deployment``; ``the log, line 12``."""
    what: str
    why: str = ""
    todo: str = ""

    def as_json(self) -> dict[str, JSONValue]:
        """Give the explanation for ``--json``."""
        return {
            "verdict": self.verdict,
            "about": self.about,
            "what": self.what,
            "why": self.why,
            "todo": self.todo,
        }


_VMPACK_CODES = {
    10: "the package is missing or empty: its download failed",
    11: "the package is not the one that was built",
    12: "nothing on the VM computes a sha256",
    13: "the scripts could not be unpacked beside the package: a full or read-only disk",
    20: "it did not run as root",
    21: "another run for this application was still busy",
    22: "the VM has no decoder for the payload, or no tar",
    23: "there was not enough space",
    24: "something else is where the application should go",
    25: "a place could not be written: read-only or full",
    26: "the config file is required and missing",
    30: "the payload could not be unpacked",
    31: "an account, an owner or a service could not be set up",
    32: "a check of the manifest failed",
    33: "the service does not start or does not stay up",
    34: "the roll-back itself is incomplete",
    40: "the application's own script failed",
    41: "not everything could be removed",
}
_CODES = {
    -1: "a signal ended the command. At a reboot the script may die of the same SIGTERM as the agent, and then counts "
    "as failed even with scriptBehaviorAfterReboot Rerun",
    2: "sh could not parse the command or a file was missing. The agent runs /bin/sh, which is dash on Debian and "
    "Ubuntu: bash syntax fails",
    126: "a script could not be executed: not executable, or /var is mounted noexec. Start it with 'sh ./script'",
    127: "a command was not found. The agent runs /bin/sh, not bash ('[[' and 'source' are not found), with only the "
    "system's PATH",
    137: "the command was killed (SIGKILL), often for want of memory",
    143: "the command was ended by SIGTERM",
    1602: "the user cancelled the installation (msiexec): it is not silent, use /qn",
    1603: "msiexec failed: look into its own log (/l*v)",
    1605: "the product is not installed (msiexec): remove must end with 0 then",
    1618: "another installation was running (msiexec)",
    1619: "the msi file could not be opened: give packageFileName the extension .msi",
    1641: "msiexec began a reboot. The agent takes every code but 0 for a failure: the script must turn 1641 into 0",
    3010: "msiexec wants a reboot. The agent takes every code but 0 for a failure: the script must turn 3010 into 0",
}


def of_exit_code(code: int, command: str) -> str:
    """Tell what an exit code means; empty when that is the script's own affair."""
    if "vmpack-unpacked" in command and code in _VMPACK_CODES:
        return _VMPACK_CODES[code]
    return _CODES.get(code, "")


def of_result(about: str, text: str) -> Explanation:
    """Explain the ``result`` of one action or of one application's current state."""
    bare = text.strip()
    for pattern, meaning in _RESULTS:
        found = re.search(pattern, bare, re.DOTALL)
        if found:
            return meaning(about, found)
    return Explanation("uncertain", about, bare or "no result")


def _success(about: str, _: re.Match[str]) -> Explanation:
    return Explanation(
        "good", about, "the command ended with 0", "That is all the agent looks at; nothing was checked."
    )


def _skipped(about: str, _: re.Match[str]) -> Explanation:
    return Explanation(
        "bad",
        about,
        "it was skipped, its command was never run",
        "An application with a lower order failed, and that skips all with a higher one.",
        "It is never retried for this version. After the other one is mended, publish a new version of this one too; "
        "its update command will run although nothing (or an older version) is installed. Taking it out of the profile "
        "does NOT run remove, so an older version stays on the VM.",
    )


def _none_after_reboot(about: str, _: re.Match[str]) -> Explanation:
    return Explanation(
        "bad",
        about,
        "a reboot interrupted it, and it is called done all the same",
        "scriptBehaviorAfterReboot is None, so the agent does not continue.",
        "Look whether the application works. "
        + _NEW_VERSION
        + " For scripts that can start again from the top, set "
        "scriptBehaviorAfterReboot to Rerun.",
    )


def _rerun_after_reboot(about: str, _: re.Match[str]) -> Explanation:
    return Explanation(
        "uncertain",
        about,
        "a reboot interrupted it; the same command runs again with the next enable",
        "scriptBehaviorAfterReboot is Rerun; at most three reboots.",
    )


def _too_many_reboots(about: str, _: re.Match[str]) -> Explanation:
    return Explanation(
        "bad",
        about,
        "it was given up after three reboots",
        "Each run ended in another reboot; the fourth is not begun.",
        "Keep a marker file so that the script does not reboot again. " + _NEW_VERSION,
    )


def _command_failed(about: str, found: re.Match[str]) -> Explanation:
    code = int(found["code"])
    meaning = of_exit_code(code, found["command"])
    what = f"the command failed with exit code {code}"
    what += " and a download failed before it" if "failed to download" in found["rest"] else ""
    why = meaning or "What the code means only the script knows."
    if "failed to download" in found["rest"]:
        why = "The agent runs the command although the package or config is missing. " + _sentence(why)
    return Explanation("bad", about, what, _sentence(why), f"{_look()} {_todo(about)}")


def _download_failed(about: str, found: re.Match[str]) -> Explanation:
    return Explanation(
        "bad",
        about,
        f"the {found['what']} could not be downloaded; the command was run all the same and ended with 0",
        "The host got an error or none of its seven tries worked. The application may be half installed.",
        "Is the version replicated to the VM's region, and not deleted? " + _todo(about),
    )


def _not_started(about: str, found: re.Match[str]) -> Explanation:
    return Explanation(
        "bad",
        about,
        "the command could not be started",
        f"In the download folder '{found['stream']}' is a folder or cannot be written.",
        "No file of the package may be called stdout or stderr. " + _todo(about),
    )


def _too_long(about: str, _: re.Match[str]) -> Explanation:
    return Explanation(
        "bad",
        about,
        "the command is too long for the system",
        "",
        "Ship a script and keep the command short.",
    )


def _deleted(about: str, _: re.Match[str]) -> Explanation:
    return Explanation(
        "bad", about, "this version was deleted from the gallery", "", "Ask for a version that exists."
    )


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text[:1].upper()}{text[1:]}."


def _look() -> str:
    return "The output is in 'stdout' and 'stderr' of the download folder and in VmAppExt_*.log, never in the status."


def _todo(about: str) -> str:
    if "RemoveForUpdate" in about:
        return (
            "The new version is not installed until remove ends with 0; it is tried again with every enable. "
            "A new version WITH an update command goes round it."
        )
    if "Remove" in about:
        return "The agent has forgotten the application: what is left must be removed by hand."
    return _NEW_VERSION


_COMMAND = (
    r"Error executing (?:command|custom action '[^']*':) '(?P<command>.*)': "
    r"command terminated with exit status=(?P<code>-?\d+)(?P<rest>.*)"
)
_RESULTS: tuple[tuple[str, Callable[[str, re.Match[str]], Explanation]], ...] = (
    (r"^(\w+ )?SUCCESS$", _success),
    (r"(?i)skipped, lower order operation failed", _skipped),
    (r"Reboot detected during .* No further action taken", _none_after_reboot),
    (r"Reboot detected during .* Rerun operation", _rerun_after_reboot),
    (r"has resulted in \d+ reboots", _too_many_reboots),
    (r"argument list too long", _too_long),
    (r"failed to open (?P<stream>stdout|stderr) file", _not_started),
    (r"has been removed from the repository", _deleted),
    (_COMMAND, _command_failed),
    (r"failed to download (?P<what>package|config) file", _download_failed),
)
