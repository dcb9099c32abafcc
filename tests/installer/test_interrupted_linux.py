"""Scripts of ``archive`` that are killed, told to stop, started twice, or given an agent's open files."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.installer.conftest import Agent, Package, make_package
from vmpack.manifest.model import Check

pytestmark = pytest.mark.root

VERSION = "/opt/hello/bin/hello"
STATE = "/var/lib/vmpack/hello"


def says(agent: Agent, text: str) -> None:
    assert agent.machine.sh(VERSION) == text


@pytest.mark.parametrize(
    "place", ["unpack_release", "switch_release", "run_checks", "commit", "persist_lifecycle"]
)
@pytest.mark.parametrize("after", ["update", "failed update", "remove"])
def test_killed_half_way_ends_well_with_the_next(
    agent: Agent, tmp_path: Path, place: str, after: str
) -> None:
    params = {
        "destination": "/opt/hello",
        "links": {"/usr/local/bin/hello-x": "bin/hello"},
        "config": {"destination": "/etc/hello.json"},
    }
    agent.install(make_package(tmp_path, params=params, config=b"1"))
    killed = make_package(tmp_path, version="2.0.0", params=params, config=b"2", kill_at=place)
    assert agent.update(killed).code == -9
    check = (Check("works", "false"),) if after == "failed update" else ()
    third = make_package(tmp_path, version="3.0.0", params=params, config=b"3", checks=check)
    if after == "remove":
        assert agent.remove(killed).code == 0
        assert agent.machine.changed() == set()
        return
    outcome = agent.update(third)
    assert outcome.code == (32 if check else 0), outcome
    good = "1" if check else "3"
    says(agent, f"hello {good}.0.0")
    assert agent.machine.sh("cat /etc/hello.json; hello-x") == f"{good}hello {good}.0.0"
    agent.remove(third)
    assert agent.machine.changed() == set()


@pytest.mark.slow
def test_killed_at_any_moment_ends_well_with_the_next(agent: Agent, tmp_path: Path) -> None:
    params = {"destination": "/opt/hello", "config": {"destination": "/etc/hello.json"}}
    for trial in range(1, 13):
        killed = make_package(tmp_path, version=f"1.{trial}.0", params=params, config=b"killed")
        agent.deliver(killed)
        process = agent.start(killed, killed.commands.update or "")
        time.sleep(0.02 * trial)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        good = make_package(tmp_path, version=f"2.{trial}.0", params=params, config=b"good")
        outcome = agent.update(good)
        assert outcome.code == 0, outcome
        says(agent, f"hello 2.{trial}.0")
        assert agent.machine.sh(f"cat /etc/hello.json; ls {STATE} | grep undo || :") == "good"
        assert len(agent.machine.sh("ls -A /opt/hello.releases").splitlines()) <= 2
    agent.remove(good)
    assert agent.machine.changed() == set()


def test_a_reboots_sigterm_to_the_group_does_not_stop_it(agent: Agent, tmp_path: Path) -> None:
    package = make_package(tmp_path, checks=(Check("slow", "touch /tmp/started; sleep 1"),))
    agent.deliver(package)
    process = agent.start(package, package.commands.install)
    started = agent.machine.path("/tmp/started")
    deadline = time.monotonic() + 20
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    inside = agent.machine.sh("ps -eo pid,args | grep '[l]ifecycle/install.sh' | head -1").split()[0]
    agent.machine.sh(f"kill -TERM {inside}; pkill -TERM -f '^sleep 1$' || :")
    assert process.wait(timeout=30) == 0
    says(agent, "hello 1.0.0")


def test_inherited_descriptors_are_closed(agent: Agent, tmp_path: Path) -> None:
    package = make_package(tmp_path, checks=(Check("fds", "ls /proc/self/fd | tr '\\n' ' '"),))
    agent.deliver(package)
    command = "exec 6>/tmp/lock; " + package.commands.install
    outcome = agent.run(
        package,
        f"exec bash -c 'exec 17>/tmp/lock2; exec /bin/sh -c \"$1\"' bash '{command.replace(chr(39), chr(39) + chr(34) + chr(39) + chr(34) + chr(39))}'",
    )
    assert outcome.code == 0, outcome
    assert "0 1 2 3 " in outcome.stdout
    assert "17" not in outcome.stdout.split("check: fds")[1].splitlines()[1].split()[2:]


def test_two_runs_do_not_meet(agent: Agent, v1: Package) -> None:
    agent.install(v1)
    holder = agent.start(v1, "flock /run/vmpack/hello.lock sleep 100")
    deadline = time.monotonic() + 20
    while (
        "sleep" not in agent.machine.sh("ps -eo args | grep '^slee[p] 100' || :")
        and time.monotonic() < deadline
    ):
        time.sleep(0.01)
    outcome = agent.install(v1, env={"VMPACK_LOCK_WAIT": "0"})
    os.killpg(holder.pid, signal.SIGKILL)
    holder.wait()
    assert outcome.code == 21, outcome


def test_without_flock_a_stale_lock_is_taken_over(agent: Agent, v1: Package) -> None:
    agent.machine.sh("rm /usr/bin/flock; mkdir -p /run/vmpack; ln -s 1:99999999 /run/vmpack/hello.pid")
    assert agent.install(v1).code == 0
    assert agent.machine.sh("ls /run/vmpack") == ""
    agent.machine.sh('ln -s "1:$(sed "s/.*) //" /proc/1/stat | cut -d " " -f 20)" /run/vmpack/hello.pid')
    assert agent.install(v1, env={"VMPACK_LOCK_WAIT": "0"}).code == 21
