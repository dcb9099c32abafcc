"""Goal-state sequences, and what the agent does and says of each.

A goal is written as words: ``a1`` is application a, version 1, with an update command. Then ``-`` no update command,
``@2`` order 2, ``!`` treatFailureAsDeploymentFailure, ``r`` Rerun, ``c`` with a config file.
Outcomes are told by command: ``a1 install`` fails, is cut off by a reboot, or by a crash.
"""

import json
import re
from dataclasses import dataclass, field

import pytest

from vmpack.vm.agent import Application, Enabled, Outcome, Registry, Work, enable

FAILS = Outcome(code=1)
REBOOT = Outcome(ended="reboot")
CRASH = Outcome(ended="crash")
SIGNAL = Outcome(code=-1)
NO_DOWNLOAD = Outcome(download_errors=("failed to download package file",))
NOTHING: dict[str, Outcome] = {}


@dataclass(frozen=True)
class Step:
    goal: str
    performed: str
    """``Install a1, Update b2 FAILED, Install c1 Skipped``; in brackets: cut off, so not reported."""
    status: str = "success"
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    registry: str | None = None
    """``a1 NoAction, b2 Failed`` afterwards."""


S = Step
TWICE_SKIPPED = (
    S("a1@1 b1@2", "Install a1 FAILED, Install b1 Skipped", outcomes={"a1 install": FAILS}),
    S("a1@1 b1@2", "", registry="a1 Failed, b1 Skipped"),
)
CASES: dict[str, tuple[Step, ...]] = {
    "nothing wanted, nothing there": (S("", "", registry=""),),
    "a first install": (S("a1", "Install a1", registry="a1 NoAction"),),
    "the same goal again does nothing": (S("a1", "Install a1"), S("a1", "")),
    "equal numbers written differently do nothing": (S("a1", "Install a1"), S("a1.0", ""), S("a1.0.0.0", "")),
    "an update": (S("a1", "Install a1"), S("a2", "Update a2", registry="a2 NoAction")),
    "a downgrade is an update": (S("a2", "Install a2"), S("a1", "Update a1")),
    "a downgrade without update command": (S("a2", "Install a2"), S("a1-", "RemoveForUpdate a2, Install a1")),
    "it is the incoming version's update command that counts": (
        S("a1-", "Install a1"),
        S("a2", "Update a2"),
        S("a3-", "RemoveForUpdate a2, Install a3"),
    ),
    "leaving the profile": (S("a1", "Install a1"), S("", "Remove a1", registry="")),
    "coming back is an install": (S("a1", "Install a1"), S("", "Remove a1"), S("a1", "Install a1")),
    "a failed install is remembered": (
        S("a1", "Install a1 FAILED", outcomes={"a1 install": FAILS}, registry="a1 Failed"),
    ),
    "a failed install is never retried": (
        S("a1", "Install a1 FAILED", outcomes={"a1 install": FAILS}),
        S("a1", ""),
    ),
    "a failed install fails the deployment only with the flag": (
        S("a1!", "Install a1 FAILED", "error", {"a1 install": FAILS}),
    ),
    "and the next enable reports success all the same": (
        S("a1!", "Install a1 FAILED", "error", {"a1 install": FAILS}),
        S("a1!", ""),
    ),
    "after a failed install the next version is an update": (
        S("a1", "Install a1 FAILED", outcomes={"a1 install": FAILS}),
        S("a2", "Update a2"),
    ),
    "after a failed install a version without update command removes first": (
        S("a1", "Install a1 FAILED", outcomes={"a1 install": FAILS}),
        S("a2-", "RemoveForUpdate a1, Install a2"),
    ),
    "after a failed install leaving runs remove": (
        S("a1", "Install a1 FAILED", outcomes={"a1 install": FAILS}),
        S("", "Remove a1"),
    ),
    "a failed update is remembered under the new version": (
        S("a1", "Install a1"),
        S("a2", "Update a2 FAILED", outcomes={"a2 update": FAILS}, registry="a2 Failed"),
        S("a2", ""),
    ),
    "a failed update can be left by going back": (
        S("a1", "Install a1"),
        S("a2", "Update a2 FAILED", outcomes={"a2 update": FAILS}),
        S("a1", "Update a1"),
    ),
    "a failed update with the flag": (
        S("a1!", "Install a1"),
        S("a2!", "Update a2 FAILED", "error", {"a2 update": FAILS}),
    ),
    "a failed remove is forgotten": (
        S("a1", "Install a1"),
        S("", "Remove a1 FAILED", outcomes={"a1 remove": FAILS}, registry=""),
        S("", ""),
    ),
    "a failed remove never fails the deployment": (
        S("a1!", "Install a1"),
        S("", "Remove a1 FAILED", outcomes={"a1 remove": FAILS}),
    ),
    "a failed RemoveForUpdate stops the install and keeps the old version": (
        S("a1-", "Install a1"),
        S("a2-", "RemoveForUpdate a1 FAILED", outcomes={"a1 remove": FAILS}, registry="a1 Failed"),
    ),
    "a failed RemoveForUpdate is tried again at each enable": (
        S("a1-", "Install a1"),
        S("a2-", "RemoveForUpdate a1 FAILED", outcomes={"a1 remove": FAILS}),
        S("a2-", "RemoveForUpdate a1 FAILED", outcomes={"a1 remove": FAILS}),
        S("a2-", "RemoveForUpdate a1, Install a2"),
    ),
    "a failed RemoveForUpdate reports success even with the flag": (
        S("a1-!", "Install a1"),
        S("a2-!", "RemoveForUpdate a1 FAILED", "success", {"a1 remove": FAILS}),
    ),
    "an install that fails after RemoveForUpdate": (
        S("a1-", "Install a1"),
        S("a2-!", "RemoveForUpdate a1, Install a2 FAILED", "error", {"a2 install": FAILS}),
    ),
    "a failed download is a failure although the command ended with 0": (
        S("a1!", "Install a1 FAILED", "error", {"a1 install": NO_DOWNLOAD}, "a1 Failed"),
    ),
    "ordered ascending, then those without order": (S("c1 b1@2 a1@1", "Install a1, Install b1, Install c1"),),
    "equal orders in list order": (S("b1@1 a1@1", "Install b1, Install a1"),),
    "removes come first whatever their order": (
        S("z1@9", "Install z1"),
        S("a1@1", "Remove z1, Install a1"),
    ),
    "several removes": (S("a1 b1 c1", "Install a1, Install b1, Install c1"), S("b1", "Remove a1, Remove c1")),
    "a failure skips higher orders": (
        S(
            "a1@1 b1@2 c1@3",
            "Install a1 FAILED, Install b1 Skipped, Install c1 Skipped",
            "success",
            {"a1 install": FAILS},
        ),
    ),
    "a failure does not skip its own order": (
        S(
            "a1@1 b1@1 c1@2",
            "Install a1 FAILED, Install b1, Install c1 Skipped",
            "success",
            {"a1 install": FAILS},
        ),
    ),
    "a failure does not skip those without order": (
        S("a1@1 b1", "Install a1 FAILED, Install b1", "success", {"a1 install": FAILS}),
    ),
    "a failure without order skips nothing": (
        S("a1 b1", "Install a1 FAILED, Install b1", "success", {"a1 install": FAILS}),
    ),
    "lower orders had their turn": (
        S(
            "a1@1 b1@2 c1@3",
            "Install a1, Install b1 FAILED, Install c1 Skipped",
            "success",
            {"b1 install": FAILS},
        ),
    ),
    "a failed implicit remove skips nothing": (
        S("z1", "Install z1"),
        S("a1@1", "Remove z1 FAILED, Install a1", "success", {"z1 remove": FAILS}),
    ),
    "five applications, one failing": (
        S(
            "a1@1 b1@2 c1@3 d1@4 e1",
            "Install a1, Install b1, Install c1 FAILED, Install d1 Skipped, Install e1",
            "success",
            {"c1 install": FAILS},
            "a1 NoAction, b1 NoAction, c1 Failed, d1 Skipped, e1 NoAction",
        ),
    ),
    "skipped is never retried for the same version": TWICE_SKIPPED,
    "skipped does not count for the flag": (
        S("a1@1 b1@2!", "Install a1 FAILED, Install b1 Skipped", "success", {"a1 install": FAILS}),
    ),
    "skipped and left is a cleanup without command": (
        *TWICE_SKIPPED,
        S("a1@1", "Cleanup b1", registry="a1 Failed"),
    ),
    "skipped, left and back is an install": (
        *TWICE_SKIPPED,
        S("a1@1", "Cleanup b1"),
        S("a1@1 b1@2", "Install b1"),
    ),
    "skipped, then a new version is an update of nothing": (
        *TWICE_SKIPPED,
        S("a1@1 b2@2", "Update b2"),
    ),
    "a skipped update orphans the installed version": (
        S("a1@1 b1@2", "Install a1, Install b1"),
        S(
            "a2@1 b2@2",
            "Update a2 FAILED, Update b2 Skipped",
            "success",
            {"a2 update": FAILS},
            "a2 Failed, b2 Skipped",
        ),
        S("a2@1", "Cleanup b2", registry="a2 Failed"),
    ),
    "a skipped replacement keeps the old version, so it is tried again": (
        S("a1@1 b1@2-", "Install a1, Install b1"),
        S(
            "a2@1 b2@2-",
            "Update a2 FAILED, RemoveForUpdate b1 Skipped",
            "success",
            {"a2 update": FAILS},
            "a2 Failed, b1 Skipped",
        ),
        S("a2@1 b2@2-", "RemoveForUpdate b1, Install b2"),
    ),
    "a reboot with None counts as done": (
        S("a1", "(Install a1)", "none", {"a1 install": REBOOT}, "a1 NoAction"),
        S("a1", ""),
    ),
    "a reboot with Rerun runs again": (
        S("a1r", "(Install a1)", "none", {"a1 install": REBOOT}, "a1 Install"),
        S("a1r", "Install a1", registry="a1 NoAction"),
        S("a1r", ""),
    ),
    "an update with Rerun runs the update again": (
        S("a1r", "Install a1"),
        S("a2r", "(Update a2)", "none", {"a2 update": REBOOT}),
        S("a2r", "Update a2"),
    ),
    "three reboots are the most": (
        *(S("a1r!", "(Install a1)", "none", {"a1 install": REBOOT}) for _ in range(3)),
        S("a1r!", "Install a1 FAILED", "error", registry="a1 Failed"),
        S("a1r!", ""),
    ),
    "what comes after a reboot waits for the next enable": (
        S("a1@1 b1@2", "(Install a1)", "none", {"a1 install": REBOOT}, "a1 NoAction"),
        S("a1@1 b1@2", "Install b1"),
    ),
    "a rebooted remove runs again even with None": (
        S("a1", "Install a1"),
        S("", "(Remove a1)", "none", {"a1 remove": REBOOT}, "a1 NoAction"),
        S("", "Remove a1", registry=""),
    ),
    "a rebooted RemoveForUpdate runs again even with None": (
        S("a1-", "Install a1"),
        S("a2-", "(RemoveForUpdate a1)", "none", {"a1 remove": REBOOT}),
        S("a2-", "RemoveForUpdate a1, Install a2"),
    ),
    "a new version ends the count of reboots": (
        S("a1r", "(Install a1)", "none", {"a1 install": REBOOT}),
        S("a2r", "Update a2"),
        S("a2r", ""),
    ),
    "the losing side of the race is a failure even with Rerun": (
        S("a1r", "Install a1 FAILED", "success", {"a1 install": SIGNAL}),
        S("a1r", ""),
    ),
    "a crash counts as installed": (
        S("a1", "(Install a1)", "none", {"a1 install": CRASH}, "a1 Install"),
        S("a1", ""),
        S("a2", "Update a2"),
    ),
    "a crash with Rerun counts as installed too": (
        S("a1r", "(Install a1)", "none", {"a1 install": CRASH}),
        S("a1r", ""),
    ),
    "a crash in an update hides that the old version is there": (
        S("a1", "Install a1"),
        S("a2", "(Update a2)", "none", {"a2 update": CRASH}, "a2 Update"),
        S("a2", ""),
    ),
    "a crash in a remove: remove runs again": (
        S("a1", "Install a1"),
        S("", "(Remove a1)", "none", {"a1 remove": CRASH}),
        S("", "Remove a1", registry=""),
    ),
}


def test_there_are_fifty_or_more():
    assert len(CASES) >= 50


@pytest.mark.parametrize("name", CASES)
def test_sequence(name):
    registry: Registry = {}
    for number, step in enumerate(CASES[name], 1):
        enabled, cut = run(registry, step)
        registry = enabled.registry
        assert told(enabled, cut) == step.performed, f"step {number}"
        assert (enabled.status.status if enabled.status else "none") == step.status, f"step {number}"
        if step.registry is not None:
            assert (
                ", ".join(f"{e.name}{short(e.version)} {e.operation.label}" for e in registry.values())
                == step.registry
            )


def run(registry: Registry, step: Step) -> tuple[Enabled, Work | None]:
    steps = enable(registry, [application(word) for word in step.goal.split()])
    work = None
    try:
        work = next(steps)
        while True:
            work = steps.send(step.outcomes.get(work.command, Outcome()))
    except StopIteration as end:
        return end.value, work


def application(word: str) -> Application:
    name, version, marks = re.fullmatch(r"([a-z])([0-9.]+)(.*)", word).groups()
    order = re.search(r"@(\d)", marks)
    return Application(
        name=name,
        version=version,
        install=f"{name}{version} install",
        remove=f"{name}{version} remove",
        update="" if "-" in marks else f"{name}{version} update",
        order=int(order[1]) if order else None,
        reboot_behavior="Rerun" if "r" in marks else "None",
        treat_failure_as_deployment_failure="!" in marks,
    )


def told(enabled: Enabled, cut: Work | None) -> str:
    rows = []
    for row in enabled.rows:
        result = {"SUCCESS": "", "Skipped, lower order operation failed": " Skipped"}.get(
            row.result, " FAILED"
        )
        rows.append(f"{row.operation} {row.package}{short(row.version)}{result}")
    if enabled.status is None and cut:
        rows.append(
            f"({cut.action.operation.label} {cut.action.entry.name}{short(cut.action.entry.version)})"
        )
    return ", ".join(rows)


def short(version: str) -> str:
    return version


def test_every_action_says_why():
    steps = enable({}, [application("a1")])
    assert next(steps).action.reason == "not in the registry"


def test_the_status_message_is_the_agents_json():
    enabled, _ = run({}, Step("a1!", "", outcomes={"a1 install": FAILS}))
    assert enabled.status
    prefix, _, text = enabled.status.message.partition(": ")
    error = "Error executing command 'a1 install': command terminated with exit status=1"
    assert prefix == "Enable failed"
    assert json.loads(text) == {
        "CurrentState": [{"applicationName": "a", "version": "1", "result": f"Install FAILED {error}"}],
        "ActionsPerformed": [
            {
                "package": "a",
                "version": "1",
                "operation": "Install",
                "result": error,
                "treatFailureAsDeploymentFailure": True,
                "timestamp": "",
            }
        ],
        "Errors": "Install/Update failed for VMApps with 'TreatFailureAsDeploymentFailure' set to true:\na\n"
        f"Additional errors: {error}\n",
    }
    assert enabled.status.as_json()[0]["status"]["formattedMessage"]["lang"] == "en"


def test_the_newest_error_stands_first():
    enabled, _ = run({}, Step("a1", "", outcomes={"a1 install": Outcome(1, ("no package", "no config"))}))
    command = "Error executing command 'a1 install': command terminated with exit status=1"
    assert enabled.rows[0].result == f"{command}: no config: no package"


def test_metadata_failure_touches_nothing():
    steps = enable({}, [application("a1")], metadata_error="HostGaCommunicator GetVMAppInfo error")
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value.status.status == "error"
    assert end.value.value.registry == {}


def test_nothing_to_do_keeps_the_status_of_that_sequence_number():
    enabled, _ = run({}, Step("a1!", "", outcomes={"a1 install": FAILS}))
    steps = enable(enabled.registry, [application("a1!")], previous=enabled.status)
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value.status is enabled.status


def test_a_crash_leaves_what_was_written_before_the_command():
    enabled, work = run({}, Step("a1", "", outcomes={"a1 install": CRASH}))
    assert work
    assert enabled.registry == work.registry
    assert enabled.registry["a"].as_json()["ongoingOperation"] == 1


def test_default_file_names():
    work = next(enable({}, [application("a1")]))
    entry = work.registry["a"]
    assert (entry.package_file_name, entry.config_file_name) == ("a", "a_config")
    assert work.folder.endswith("/Microsoft.CPlat.Core.VMApplicationManagerLinux/a/1")


@pytest.mark.parametrize(
    ("operation", "downloads"), [("Install", True), ("RemoveForUpdate", True), ("Remove", False)]
)
def test_what_is_downloaded(operation, downloads):
    registry = run({}, Step("a1-", ""))[0].registry
    goal = {
        "Install": [application("b1"), application("a1")],
        "RemoveForUpdate": [application("a2-")],
        "Remove": [],
    }
    work = next(enable(registry, goal[operation]))
    assert (work.action.operation.label, work.downloads) == (operation, downloads)
