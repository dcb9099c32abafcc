"""Somebody with an ordinary account on the machine lays traps where root will write."""

from pathlib import Path

import pytest

from tests.installer.conftest import Agent, Package, make_package

pytestmark = pytest.mark.root

FOLDER = "/srv/theirs"
CONFIG = f"{FOLDER}/hello.json"
VICTIM = "/etc/victim"


def package(folder: Path, config: bytes, version: str = "1.0.0") -> Package:
    params = {
        "destination": "/opt/hello",
        "config": {"destination": CONFIG, "owner": "daemon", "mode": "0666"},
    }
    return make_package(folder, version=version, params=params, config=config)


@pytest.fixture
def victim(agent: Agent) -> str:
    agent.machine.sh(f"install -d -o daemon {FOLDER}; echo precious >{VICTIM}; chmod 600 {VICTIM}")
    return "precious 600 root"


def state_of_victim(agent: Agent) -> str:
    return " ".join(agent.machine.sh(f"cat {VICTIM}; stat -c '%a %U' {VICTIM}").splitlines())


@pytest.mark.parametrize("name", ["hello.json", "hello.json.vmpack-new", "hello.json.before-vmpack"])
def test_no_link_is_followed_when_a_config_file_is_written(
    agent: Agent, tmp_path: Path, victim: str, name: str
) -> None:
    agent.machine.sh(f"ln -s {VICTIM} {FOLDER}/{name}")
    assert agent.install(package(tmp_path, b"{}")).code == 0
    assert agent.machine.sh(f"cat {CONFIG}; stat -c '%a %U' {CONFIG}") == "{}666 daemon"
    assert state_of_victim(agent) == victim


def test_no_link_is_followed_when_an_edited_config_file_is_kept(
    agent: Agent, tmp_path: Path, victim: str
) -> None:
    agent.install(package(tmp_path, b"{}"))
    agent.machine.sh(f"echo evil >{CONFIG}; ln -s {VICTIM} {CONFIG}.saved")
    assert agent.update(package(tmp_path, b"[]", "2.0.0")).code == 0
    assert agent.machine.sh(f"cat {CONFIG}.saved") == "evil"
    assert state_of_victim(agent) == victim


def test_a_pipe_in_the_place_of_the_config_file_is_not_waited_for(
    agent: Agent, tmp_path: Path, victim: str
) -> None:
    agent.install(package(tmp_path, b"{}"))
    agent.machine.sh(f"rm {CONFIG}; mkfifo {CONFIG}")
    assert agent.update(package(tmp_path, b"[]", "2.0.0")).code == 0
    assert agent.machine.sh(f"cat {CONFIG}") == "[]"
    assert state_of_victim(agent) == victim


def test_a_log_folder_of_somebody_elses_is_not_written_to(agent: Agent, tmp_path: Path, victim: str) -> None:
    agent.machine.sh(f"install -d -o daemon /var/log/vmpack; ln -s {VICTIM} /var/log/vmpack/hello.log")
    outcome = agent.install(make_package(tmp_path))
    assert outcome.code == 0, outcome
    assert "logging to stdout only" in outcome.stdout
    assert state_of_victim(agent) == victim


def test_a_state_folder_that_others_can_write_is_refused(agent: Agent, tmp_path: Path) -> None:
    agent.machine.sh("install -d -m 777 /var/lib/vmpack")
    outcome = agent.install(make_package(tmp_path))
    assert outcome.code == 24, outcome
    assert "must belong to root" in outcome.stdout


def test_nobody_else_can_hold_the_lock_or_read_the_log(agent: Agent, tmp_path: Path) -> None:
    agent.install(make_package(tmp_path))
    assert agent.machine.sh("stat -c %a /run/vmpack /var/lib/vmpack/hello /var/log/vmpack/hello.log") == (
        "700\n700\n600"
    )


def test_without_run_the_lock_lies_with_the_state(agent: Agent, tmp_path: Path) -> None:
    agent.machine.sh("touch /run/vmpack")
    assert agent.install(make_package(tmp_path)).code == 0
    assert agent.machine.sh("stat -c %a /var/lib/vmpack/.locks; ls -A /tmp") == "700"


def test_a_destination_that_others_can_replace_is_warned_of(agent: Agent, tmp_path: Path) -> None:
    agent.machine.sh("install -d -o daemon /srv/theirs")
    outcome = agent.install(make_package(tmp_path, params={"destination": "/srv/theirs/hello"}))
    assert outcome.code == 0
    assert "others than root can write to /srv/theirs" in outcome.stdout
