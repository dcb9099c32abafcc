"""A VmAppExt log, line by line: the few lines that decide, in plain words."""

import re
from collections.abc import Callable, Iterator

from vmpack.vm.explain.words import Explanation, of_result

_MARKS = (
    "VmApplications extension",
    "vm-application-manager",
    "in incoming package collection",
    "Calling command '",
    "Read package registry file",
    "does not exist on the system. Installing",
)
_STAMP = re.compile(r"^(?:\[\w+\]\s*|\w+:?\s+)?\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2}\s*(?:\[\w+\])?\s*")
_CALLED = re.compile(
    r"Calling command '(?P<command>.*)' for application (?P<app>\S+), version (?P<version>\S+)"
)
_FAILED = re.compile(r"Command failed in directory .*(?P<status>exit status=-?\d+)")
_Maker = Callable[[str, re.Match[str]], Explanation]


def is_log(text: str) -> bool:
    """Tell whether the text looks like a VmAppExt log."""
    return not text.lstrip().startswith(("{", "[{", "Enable ")) and any(mark in text for mark in _MARKS)


def explain_log(text: str) -> Iterator[Explanation]:
    """Explain the deciding lines in their order."""
    told, command, about = 0, "", ""
    for number, line in enumerate(text.splitlines(), 1):
        bare = _STAMP.sub("", line).strip()
        called = _CALLED.search(bare)
        if called:
            command, about = called["command"], f"{called['app']} {called['version']}"
        failed = _FAILED.search(bare)
        if failed:
            told += 1
            result = f"Error executing command '{command}': command terminated with {failed['status']}"
            yield of_result(f"line {number}, {about}", result)
            continue
        for pattern, make in _LINES:
            found = re.search(pattern, bare)
            if found:
                told += 1
                yield make(f"line {number}", found)
                break
    if _began(text) > _ended(text):
        yield Explanation(
            "bad",
            "the end of the log",
            "a command began and never ended",
            "It hangs, or the agent was killed in the middle. Nothing bounds a command's time; while it runs it holds "
            "the lock, and every other VM application waits.",
            "Look for the process on the VM. After a kill the agent takes the version for present: publish a new one.",
        )
    elif not told:
        yield Explanation("good", "the log", "there was nothing to do")


def _began(text: str) -> int:
    return text.count("Calling command '")


def _ended(text: str) -> int:
    return len(
        re.findall(r"Command completed in \d+ ms|eceived terminate signal|has resulted in \d+ reboots", text)
    )


def _say(verdict: str, what: str, why: str = "", todo: str = "") -> _Maker:
    def make(about: str, found: re.Match[str]) -> Explanation:
        names = found.groupdict()
        return Explanation(verdict, about, what.format(**names), why.format(**names), todo)  # type: ignore[arg-type]

    return make


_LINES: tuple[tuple[str, _Maker], ...] = (
    (
        r"Application (?P<app>\S+) does not exist on the system\. Installing",
        _say("good", "{app} is new here and will be installed"),
    ),
    (
        r"Application (?P<app>\S+) has version (?P<old>\S+), but (?P<new>\S+) is desired\. Will call update",
        _say("good", "{app} goes from {old} to {new} by the new version's update command"),
    ),
    (
        r"Application (?P<app>\S+) has version (?P<old>\S+), but (?P<new>\S+) is desired\. No update command",
        _say(
            "uncertain",
            "{app} goes from {old} to {new} by remove and install",
            "The new version has no update command. Remove finds the NEW package under the OLD file name.",
            "Ship an update command.",
        ),
    ),
    (
        r"Application (?P<app>\S+) not in incoming package collection\. Marking to delete",
        _say("good", "{app} left the profile and will be removed"),
    ),
    (
        r"Application (?P<app>\S+) not in incoming package collection\. Cleaning up",
        _say(
            "bad",
            "{app} is forgotten without running its remove command",
            "It had been skipped before; an older version may still be installed.",
            "Look on the VM, and remove it by hand.",
        ),
    ),
    (
        r"Failed to download (?P<what>package|config) for application (?P<app>\S+), version (?P<version>\S+)\.",
        _say(
            "bad",
            "the {what} of {app} {version} could not be downloaded",
            "The command is run all the same, with an empty or partial file.",
            "Is the version replicated to this region?",
        ),
    ),
    (
        r"Command failed in directory '(?P<folder>[^']*)'\. Details: (?P<why>.*)",
        _say("bad", "the command could not be run in {folder}", "{why}"),
    ),
    (
        r"Skipping application (?P<app>\S+) because a previous application failed",
        _say("bad", "{app} was skipped", "A lower order failed.", "It is never retried for this version."),
    ),
    (
        r"Received terminate signal, system reboot detected",
        _say(
            "uncertain", "the agent was told to end while a command ran: a reboot, or its service was stopped"
        ),
    ),
    (
        r"Rerun operation '(?P<operation>\w+)' after reboot",
        _say("uncertain", "{operation} will run again after the reboot"),
    ),
    (
        r"Will not rerun operation",
        _say("bad", "the interrupted operation counts as done", "scriptBehaviorAfterReboot is None."),
    ),
    (
        r"operation on application (?P<app>\S+) has resulted in (?P<count>\d+) reboots",
        _say("bad", "{app} was given up after {count} reboots"),
    ),
    (
        r"[Mm]u?l?t\w+ vm-application-manager processes detected|Failed to acquire package registry lock",
        _say(
            "bad",
            "the agent waited 45 minutes for its lock and gave up; no status was written",
            "A command still runs, or a daemon that an install started directly has inherited the lock.",
            "Find it: fuser /var/lib/waagent/*VMApplicationManagerLinux-*/config/VMApp.lockfile. Start daemons with "
            "systemctl, never with nohup or '&'.",
        ),
    ),
    (
        r"HostGaCommunicator GetVMAppInfo error|Resolving packages failed",
        _say(
            "bad",
            "no application was touched",
            "The host did not answer for one application, and then the agent gives up for all.",
            "Does every version in the profile exist in this region? The next enable tries again.",
        ),
    ),
)
