"""Finds the agent's messages in whatever was given: a status, a status file, an instance view, a log."""

import json
import re
from collections.abc import Iterator

from vmpack.errors import UsageError
from vmpack.types import JSONValue
from vmpack.vm.explain.log import explain_log, is_log
from vmpack.vm.explain.words import Explanation, of_result

_CRITICAL = "HostGaCommunicator GetVMAppInfo error"


def explain(text: str) -> tuple[Explanation, ...]:
    """Tell what the text says, the bad news as it comes.

    Takes a status message (``Enable succeeded: {…}``), a ``.status`` file, any JSON that holds one (as ``az vm
    get-instance-view`` prints), or a VmAppExt log. Raises ``UsageError`` when it is none of these.
    """
    if is_log(text):
        return tuple(explain_log(text))
    found = [told for message, shown in _messages(text) for told in _explain_message(message, shown)]
    if not found:
        raise UsageError(
            "this is no status of the VM application agent",
            why="neither a status message, nor JSON with one inside, nor a VmAppExt log.",
            remedy="Try: az vm get-instance-view -g GROUP -n VM | vmpack explain -",
        )
    return tuple(found)


def _messages(text: str) -> Iterator[tuple[str, str]]:
    """Give each status message with the status that it is shown under ("" where that is not known)."""
    try:
        document = json.loads(text)
    except ValueError:
        if _is_message(text):
            yield text, _status_of_prefix(text)
        return
    if isinstance(document, dict) and ("ActionsPerformed" in document or "CurrentState" in document):
        yield text, ""
        return
    yield from _inside(document, "")


def _inside(value: JSONValue, shown: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if _is_message(value):
            yield value, shown or _status_of_prefix(value)
    elif isinstance(value, dict):
        told = value.get("status") or value.get("code")
        for child in value.values():
            yield from _inside(child, str(told).lower() if isinstance(told, str) else shown)
    elif isinstance(value, list):
        for child in value:
            yield from _inside(child, shown)


def _is_message(text: str) -> bool:
    return "ActionsPerformed" in text or "CurrentState" in text or _CRITICAL in text


def _status_of_prefix(text: str) -> str:
    return "error" if text.lstrip().startswith("Enable failed") else "success"


def _explain_message(text: str, shown: str) -> Iterator[Explanation]:
    start = text.find("{")
    document: dict[str, JSONValue] = {}
    if start >= 0:
        try:
            document = json.loads(text[start : text.rindex("}") + 1])
        except ValueError:
            yield _truncated()
            yield from _from_pieces(text)
            return
    if not document:
        yield _critical(text)
        return
    actions = _rows(document, "ActionsPerformed")
    told = [_of_action(action) for action in actions]
    yield from told
    done = {(action.get("package"), action.get("version")) for action in actions}
    for state in _rows(document, "CurrentState"):
        if (state.get("applicationName"), state.get("version")) not in done:
            yield _of_state(state)
    yield _deployment(shown, document, any(one.verdict == "bad" for one in told))


def _rows(document: dict[str, JSONValue], key: str) -> list[dict[str, JSONValue]]:
    rows = document.get(key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _of_action(action: dict[str, JSONValue]) -> Explanation:
    about = f"{action.get('package')} {action.get('version')}, {action.get('operation')}"
    return of_result(about, str(action.get("result", "")))


def _of_state(state: dict[str, JSONValue]) -> Explanation:
    about = f"{state.get('applicationName')} {state.get('version')}, as remembered"
    result = str(state.get("result", ""))
    if result.strip():
        return of_result(about, result)
    return Explanation(
        "bad",
        about,
        "it is registered, but no operation ever ended",
        "The agent or the VM was killed in the middle (SIGKILL, power loss). The registry already names this version, "
        "so the agent takes it for present.",
        "It was probably never installed completely. Publish a new version number, or take it out and add it again.",
    )


def _deployment(shown: str, document: dict[str, JSONValue], failed: bool) -> Explanation:
    if document.get("CriticalError"):
        return _critical(str(document["CriticalError"]))
    if "error" in shown or "fail" in shown or document.get("Errors"):
        return Explanation(
            "bad",
            "the deployment",
            "Azure shows it as failed",
            "An install or update with treatFailureAsDeploymentFailure failed in this run.",
            "The next enable will show success although nothing was mended: it does nothing for the same version.",
        )
    if failed:
        return Explanation(
            "bad",
            "the deployment",
            "Azure shows 'success' although something failed",
            "Without treatFailureAsDeploymentFailure every failure stands in the message only; failed removes and "
            "skipped applications never count.",
            "Set treatFailureAsDeploymentFailure for what the VM cannot do without.",
        )
    return Explanation("good", "the deployment", "Azure shows success, and no command failed")


def _critical(text: str) -> Explanation:
    if _CRITICAL in text or "Resolving packages failed" in text:
        return Explanation(
            "bad",
            "the deployment",
            "no application was touched",
            "The host did not answer for one of the applications, and then the agent gives up for all of them.",
            "Does every version in the profile exist, and is it replicated to this region? The next enable tries again.",
        )
    if "Duplicate application name" in text:
        return Explanation(
            "bad",
            "the deployment",
            "two applications of the same name",
            "Names must be unique on a VM, also across galleries.",
            "Rename one of them.",
        )
    return Explanation("bad", "the deployment", text.strip())


def _truncated() -> Explanation:
    return Explanation(
        "uncertain",
        "the status",
        "it was cut off",
        "The guest agent cuts a status of more than 128 KiB; its message then has 1 KiB.",
        "Read it on the VM: /var/lib/waagent/Microsoft.CPlat.Core.VMApplicationManagerLinux-*/status/.",
    )


def _from_pieces(text: str) -> Iterator[Explanation]:
    """Read what can be read of a message that was cut off."""
    row = r'"package":\s*"(\w[^"]*)",\s*"version":\s*"([^"]*)",\s*"operation":\s*"(\w+)",\s*"result":\s*"((?:[^"\\]|\\.)*)"'
    for package, version, operation, result in re.findall(row, text):
        yield of_result(f"{package} {version}, {operation}", json.loads(f'"{result}"'))
