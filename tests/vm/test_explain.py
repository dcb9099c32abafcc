import json

import pytest

from vmpack.errors import UsageError
from vmpack.vm.agent import Application, Outcome, enable
from vmpack.vm.explain import Explanation, explain

PLAIN = Application("hello", "1.2.0", "bash ./x", "rm -rf /opt/hello")


def message(outcome: Outcome, application: Application = PLAIN) -> str:
    steps = enable({}, [application])
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.send(outcome)
    return end.value.value.status.message


def about(explanations: tuple[Explanation, ...], word: str) -> Explanation:
    return next(one for one in explanations if word in one.about)


def test_success_is_told_for_what_it_is():
    told = explain(message(Outcome()))
    assert [one.verdict for one in told] == ["good", "good"]
    assert "ended with 0" in told[0].what


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (127, "/bin/sh, not bash"),
        (126, "noexec"),
        (-1, "SIGTERM"),
        (3010, "reboot"),
        (2, "dash"),
        (7, "only the script"),
    ],
)
def test_exit_codes_are_told(code, word):
    told = about(explain(message(Outcome(code))), "Install")
    assert f"exit code {code}" in told.what
    assert word in told.why
    assert "new version" in told.todo


def test_vmpacks_own_exit_codes_are_known():
    application = Application("hello", "1.2.0", "d=./vmpack-unpacked; …", "true")
    assert "download failed" in about(explain(message(Outcome(10), application)), "Install").why


def test_a_success_that_is_none_is_unmasked():
    told = about(explain(message(Outcome(1))), "deployment")
    assert told.verdict == "bad"
    assert "'success' although" in told.what


def test_a_failed_deployment():
    application = Application("hello", "1.2.0", "x", "y", treat_failure_as_deployment_failure=True)
    told = about(explain(message(Outcome(1), application)), "deployment")
    assert "shows it as failed" in told.what


def test_a_failed_download_with_a_command_that_failed_too():
    told = about(explain(message(Outcome(10, ("failed to download package file /x",)))), "Install")
    assert "a download failed before it" in told.what


def test_a_failed_download_with_a_command_that_did_not_care():
    told = about(explain(message(Outcome(0, ("failed to download package file /x",)))), "Install")
    assert "could not be downloaded" in told.what


@pytest.mark.parametrize(
    ("result", "word"),
    [
        ("Skipped, lower order operation failed", "was skipped"),
        ("Reboot detected during 'Install' operation. No further action taken.", "called done"),
        ("Reboot detected during 'Install' operation. Rerun operation after reboot.", "runs again"),
        (
            "The Install operation on application hello has resulted in 3 reboots. Cannot complete command.",
            "three reboots",
        ),
        ("Error executing command 'x': failed to open stdout file: open …", "could not be started"),
        ("", "no operation ever ended"),
    ],
)
def test_what_the_registry_remembers(result, word):
    state = {
        "CurrentState": [{"applicationName": "hello", "version": "1", "result": result}],
        "ActionsPerformed": [],
    }
    assert word in explain(json.dumps(state))[0].what


def test_a_failed_removal_says_what_the_agent_forgot():
    rows = [
        {
            "package": "hello",
            "version": "1",
            "operation": "Remove",
            "result": "Error executing command 'x': command terminated with exit status=1",
        }
    ]
    told = explain(json.dumps({"CurrentState": [], "ActionsPerformed": rows}))
    assert "by hand" in told[0].todo


def test_an_instance_view_is_searched():
    view = {
        "instanceView": {
            "extensions": [
                {
                    "name": "VMAppExtension",
                    "statuses": [{"code": "ProvisioningState/succeeded", "message": message(Outcome(127))}],
                }
            ]
        }
    }
    assert about(explain(json.dumps(view)), "Install").verdict == "bad"


def test_a_status_file_is_searched():
    status = [
        {
            "version": 1,
            "status": {"status": "error", "formattedMessage": {"lang": "en", "message": message(Outcome(1))}},
        }
    ]
    assert "shows it as failed" in about(explain(json.dumps(status)), "deployment").what


def test_a_truncated_message_is_read_as_far_as_it_goes():
    text = message(Outcome(127))
    told = explain(text[: text.index('"treatFailure')])
    assert "cut off" in told[0].what
    assert "exit code 127" in told[1].what


def test_metadata_failure():
    told = explain("Enable failed: Resolving packages failed: HostGaCommunicator GetVMAppInfo error: x")
    assert told[0].what == "no application was touched"


LOG = """\
2026/04/01 10:00:00 Application hello does not exist on the system. Installing
2026/04/01 10:00:00 Failed to download package for application hello, version 1.2.0. Error: 403
2026/04/01 10:00:00 Calling command 'd=./vmpack-unpacked; x' for application hello, version 1.2.0
2026/04/01 10:00:01 Command failed in directory '/var/lib/waagent/x/hello/1.2.0'. Details: command terminated with exit status=10
2026/04/01 10:00:01 Command completed in 3 ms
2026/04/01 10:00:01 Skipping application other because a previous application failed
"""


def test_a_log_is_told_in_its_order():
    told = explain(LOG)
    assert [one.about.partition(",")[0] for one in told] == ["line 1", "line 2", "line 4", "line 6"]
    assert "missing or empty" in told[2].why


def test_a_log_that_ends_in_the_middle_of_a_command():
    told = explain(LOG.splitlines()[2])
    assert "never ended" in told[-1].what


def test_a_lock_that_was_never_free():
    told = explain(
        "x vm-application-manager\nMutliple vm-application-manager processes detected, terminating PID: 7."
    )
    assert "45 minutes" in told[0].what


@pytest.mark.parametrize("text", ["", "hello", "{}", "[1]", '{"a": "b"}'])
def test_anything_else_is_refused(text):
    with pytest.raises(UsageError):
        explain(text)
