"""The built-in installer ``script``: the author's scripts, run by vmpack on a throw-away Linux."""

from pathlib import Path
from typing import Any

import pytest

from tests.installer.conftest import Agent, Package, make_package

pytestmark = pytest.mark.root

REPORT = b"""#!/bin/sh
echo "$VMPACK_ACTION $VMPACK_APP_NAME $VMPACK_APP_VERSION from ${VMPACK_PREVIOUS_VERSION:-nothing}" >>/tmp/report
echo "config: $(cat "$VMPACK_CONFIG" 2>/dev/null)" >>/tmp/report
test "$(pwd -P)" = "$(cd "$VMPACK_PAYLOAD_DIR" && pwd -P)" && test -d "$VMPACK_STATE_DIR" && test -f "$VMPACK_LOG"
"""
FILES = {"install.sh": REPORT, "update.sh": REPORT, "remove.sh": REPORT}
PARAMS = {name: f"{name}.sh" for name in ("install", "update", "remove")}


def package(folder: Path, **facts: Any) -> Package:
    facts = {"files": FILES, "params": PARAMS} | facts
    return make_package(folder, template="script", **facts)


def test_every_script_is_told_what_it_needs(agent: Agent, tmp_path: Path) -> None:
    first = package(tmp_path, config=b"first")
    assert agent.install(first).code == 0
    second = package(tmp_path, version="2.0.0")
    assert agent.update(second).code == 0
    assert agent.remove(second).code == 0
    assert agent.machine.sh("cat /tmp/report").splitlines() == [
        "install hello 1.0.0 from nothing",
        "config: first",
        "update hello 2.0.0 from 1.0.0",
        "config: ",
        "remove hello 2.0.0 from 2.0.0",
        "config:",
    ]
    assert agent.machine.changed() == set()


def test_install_serves_as_update(agent: Agent, tmp_path: Path) -> None:
    params = {"install": "install.sh"}
    agent.install(package(tmp_path, params=params))
    assert agent.update(package(tmp_path, version="2.0.0", params=params)).code == 0
    assert "update hello 2.0.0 from 1.0.0" in agent.machine.sh("cat /tmp/report")


def test_a_failing_script_is_a_failure_and_is_shown(agent: Agent, tmp_path: Path) -> None:
    agent.install(package(tmp_path))
    bad = package(tmp_path, version="2.0.0", files=FILES | {"update.sh": b"#!/bin/sh\necho oh no\nexit 7\n"})
    outcome = agent.update(bad)
    assert outcome.code == 40
    assert "oh no" in outcome.stdout
    assert "exit code 7" in outcome.stdout
    assert agent.machine.sh("readlink /opt/hello") == "hello.releases/1.0.0-1"


def test_a_first_install_that_fails_is_cleaned_up_by_its_own_remove(agent: Agent, tmp_path: Path) -> None:
    files = {
        "install.sh": b"#!/bin/sh\ntouch /etc/half; exit 1\n",
        "remove.sh": b"#!/bin/sh\nrm -f /etc/half\n",
    }
    bad = package(tmp_path, files=files, params={"install": "install.sh", "remove": "remove.sh"})
    assert agent.install(bad).code == 40
    assert agent.remove(bad).code == 0
    assert agent.machine.changed() == set()


def test_a_failing_remove_is_told_and_can_be_repeated(agent: Agent, tmp_path: Path) -> None:
    remove = b"#!/bin/sh\ntest -e /tmp/may-go\n"
    app = package(tmp_path, files=FILES | {"remove.sh": remove})
    agent.install(app)
    assert agent.run(app, app.commands.remove).code == 41
    agent.machine.sh("touch /tmp/may-go")
    assert agent.remove(app).code == 0
    assert agent.machine.changed() == set()


def test_a_failing_check_script_rolls_back(agent: Agent, tmp_path: Path) -> None:
    app = package(
        tmp_path, files=FILES | {"check.sh": b"#!/bin/sh\nexit 1\n"}, params=PARAMS | {"check": "check.sh"}
    )
    assert agent.install(app).code == 32


def test_a_script_without_the_executable_bit_runs_in_sh(agent: Agent, tmp_path: Path) -> None:
    params = {"install": "plain.sh"}
    app = package(tmp_path, files={"plain.sh": b"echo plain >/tmp/report\n"}, params=params, mode=0o644)
    assert agent.install(app).code == 0
    assert agent.machine.sh("cat /tmp/report") == "plain"


def test_a_daemon_does_not_hold_up_the_agent(agent: Agent, tmp_path: Path) -> None:
    app = package(tmp_path, files=FILES | {"install.sh": b"#!/bin/sh\nsleep 50 &\n"})
    assert agent.install(app).code == 0
    daemon = agent.machine.sh("ps -eo pid,args | sed -n 's/^ *\\([0-9]*\\) sleep 50$/\\1/p'")
    assert agent.machine.sh(f"ls -l /proc/{daemon}/fd | grep -c -e VMApp -e vmpack/hello.lock || :") == "0"


def test_changing_the_installer_removes_what_the_old_one_did(agent: Agent, tmp_path: Path) -> None:
    agent.install(make_package(tmp_path, params={"destination": "/srv/hello"}))
    app = package(tmp_path, version="2.0.0")
    assert agent.update(app).code == 0
    assert agent.machine.sh("ls /srv") == ""
    agent.remove(app)
    assert agent.machine.changed() == set()
