"""The status that Azure shows, in the agent's own JSON (main/statusmessage.go, platform: pkg/status/status.go)."""

import json
from collections.abc import Sequence
from typing import Literal

from vmpack.types import JSONValue
from vmpack.values import dataclass
from vmpack.vm.agent.model import Registry, Row


@dataclass(frozen=True, slots=True)
class Status:
    """What the portal, ``az vm get-instance-view`` and the deployment see of one enable."""

    status: Literal["success", "error"]
    message: str
    """``Enable succeeded: {...}`` or ``Enable failed: {...}``."""

    def as_json(self, timestamp: str = "1970-01-01T00:00:00Z") -> list[dict[str, JSONValue]]:
        """Give the content of ``<sequence number>.status``."""
        return [
            {
                "version": 1,
                "timestampUTC": timestamp,
                "status": {
                    "operation": "Enable",
                    "status": self.status,
                    "formattedMessage": {"lang": "en", "message": self.message},
                    "substatus": None,
                },
            }
        ]


def compose(
    registry: Registry, rows: Sequence[Row], deployment_failures: Sequence[str], errors: Sequence[str]
) -> Status:
    """Make the status of an enable that performed ``rows``.

    It is "error" only when an Install or Update with treatFailureAsDeploymentFailure failed in this very run;
    every other failure stands inside a message that begins with "Enable succeeded".
    """
    told = _told(deployment_failures, errors) if deployment_failures else ""
    document = {
        "CurrentState": [
            {"applicationName": entry.name, "version": entry.version, "result": entry.result}
            for entry in registry.values()
        ],
        "ActionsPerformed": [row.as_json() for row in rows],
        "Errors": told,
    }
    text = json.dumps(document, indent=1, ensure_ascii=False)
    # Go's encoder writes these three as escapes, so that is what people find in the portal.
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return (
        Status("error", f"Enable failed: {text}") if told else Status("success", f"Enable succeeded: {text}")
    )


def critical(message: str) -> Status:
    """Make the status of an enable that could not begin: no application was touched."""
    return Status("error", f"Enable failed: {message}")


def _told(applications: Sequence[str], errors: Sequence[str]) -> str:
    lines = [
        "Install/Update failed for VMApps with 'TreatFailureAsDeploymentFailure' set to true:",
        *applications,
        f"Additional errors: {combine(errors)}",
    ]
    return "".join(f"{line}\n" for line in lines)


def combine(errors: Sequence[str]) -> str:
    """Join errors as the agent does: the newest stands first (platform: extensionerrors.CombineErrors)."""
    return ": ".join(reversed(errors))
