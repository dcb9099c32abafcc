"""The built-in installer ``systemd-service``, with a systemctl that records and answers as it is told."""

from pathlib import Path
from typing import Any

import pytest

from tests.installer.conftest import Agent, Package, make_package
from vmpack.manifest.model import Check

pytestmark = pytest.mark.root

PARAMS = {"execStart": ["bin/hello"], "user": "hellosvc", "stableSeconds": 0, "startTimeout": 1}
UNIT = "/etc/systemd/system/hello.service"
WANTS = "/etc/systemd/system/multi-user.target.wants/hello.service"

SYSTEMCTL = r"""#!/bin/sh
echo "$*" >>/tmp/systemctl.log
case $1 in
    is-system-running) cat /tmp/running 2>/dev/null || echo running ;;
    is-active) cat /tmp/active 2>/dev/null || echo active ;;
    show) echo NRestarts=0 ;;
    restart) ! grep -q broken "$(sed -n 's/^ExecStart="\(.*\)"$/\1/p' "/etc/systemd/system/$2")" ;;
esac
"""


@pytest.fixture
def systemd(agent: Agent) -> Agent:
    agent.machine.path("/usr/local/sbin/systemctl").write_text(SYSTEMCTL)
    agent.machine.sh("chmod +x /usr/local/sbin/systemctl; mkdir -p /run/systemd/system")
    return agent


def package(folder: Path, **facts: Any) -> Package:
    facts = {"params": PARAMS} | facts
    return make_package(folder, template="systemd-service", **facts)


def calls(agent: Agent) -> list[str]:
    wanted = ("daemon-reload", "restart", "stop")
    return [
        line for line in agent.machine.sh("cat /tmp/systemctl.log").splitlines() if line.startswith(wanted)
    ]


def test_the_service_is_put_in_place_and_started(systemd: Agent, tmp_path: Path) -> None:
    outcome = systemd.install(package(tmp_path))
    assert outcome.code == 0, outcome
    assert calls(systemd) == ["daemon-reload", "restart hello.service"]
    assert (
        systemd.machine.sh(f"readlink {WANTS}; id -un hellosvc; id -gn hellosvc")
        == f"{UNIT}\nhellosvc\nhellosvc"
    )
    assert 'ExecStart="/opt/hello/bin/hello"' in systemd.machine.sh(f"cat {UNIT}")


def test_remove_leaves_nothing(systemd: Agent, tmp_path: Path) -> None:
    app = package(tmp_path, params=PARAMS | {"config": {"destination": "/etc/hello/c.json"}}, config=b"{}")
    before = systemd.machine.changed()
    accounts = "sort /etc/passwd /etc/group /etc/shadow /etc/gshadow | cksum"
    sums = systemd.machine.sh(accounts)
    assert systemd.install(app).code == 0
    assert systemd.machine.sh("stat -c '%a %G' /etc/hello/c.json") == "640 hellosvc"
    assert systemd.remove(app).code == 0
    assert calls(systemd)[-2:] == ["stop hello.service", "daemon-reload"]
    assert systemd.machine.changed() == before
    assert systemd.machine.sh(accounts) == sums


def test_an_existing_user_stays(systemd: Agent, tmp_path: Path) -> None:
    app = package(tmp_path, params=PARAMS | {"user": "daemon"})
    systemd.install(app)
    systemd.remove(app)
    assert systemd.machine.sh("id -un daemon") == "daemon"


def test_kept_data_belongs_to_root_after_remove(systemd: Agent, tmp_path: Path) -> None:
    app = package(tmp_path, params=PARAMS | {"stateDirectory": ["hello"]})
    systemd.install(app)
    systemd.machine.sh("mkdir /var/lib/hello; touch /var/lib/hello/x; chown -R hellosvc /var/lib/hello")
    assert systemd.remove(app).code == 0
    assert systemd.machine.sh("stat -c %U /var/lib/hello/x") == "root"


def test_purge_deletes_data(systemd: Agent, tmp_path: Path) -> None:
    app = package(tmp_path, params=PARAMS | {"stateDirectory": ["hello"], "purge": True})
    systemd.install(app)
    systemd.machine.sh("mkdir /var/lib/hello; touch /var/lib/hello/x")
    systemd.remove(app)
    assert systemd.machine.sh("ls -d /var/lib/hello 2>/dev/null || echo gone") == "gone"


def test_a_service_that_does_not_start_rolls_back_with_its_unit(systemd: Agent, tmp_path: Path) -> None:
    systemd.install(package(tmp_path))
    unit = systemd.machine.sh(f"cat {UNIT}")
    bad = package(
        tmp_path, version="2.0.0", files={"bin/hello": b"broken"}, params=PARAMS | {"environment": {"A": "B"}}
    )
    outcome = systemd.update(bad)
    assert outcome.code == 33, outcome
    assert systemd.machine.sh(f"cat {UNIT}") == unit
    assert systemd.machine.sh("/opt/hello/bin/hello") == "hello 1.0.0"
    assert calls(systemd)[-1] == "restart hello.service"


def test_a_first_service_that_does_not_start_leaves_no_trace(systemd: Agent, tmp_path: Path) -> None:
    before = systemd.machine.changed()
    bad = package(tmp_path, files={"bin/hello": b"broken"})
    assert systemd.install(bad).code == 33
    assert systemd.machine.sh(f"ls {UNIT} {WANTS} /opt/hello 2>/dev/null; id hellosvc 2>/dev/null || :") == ""
    systemd.remove(bad)
    assert systemd.machine.changed() == before


@pytest.mark.parametrize("state", ["failed", "activating"])
def test_a_service_that_does_not_stay_up_fails(systemd: Agent, tmp_path: Path, state: str) -> None:
    systemd.machine.sh(f"echo {state} >/tmp/active")
    assert systemd.install(package(tmp_path, params=PARAMS | {"stableSeconds": 1})).code == 33


def test_a_failing_check_rolls_back(systemd: Agent, tmp_path: Path) -> None:
    assert systemd.install(package(tmp_path, checks=(Check("no", "false"),))).code == 32


def test_a_shutdown_in_the_middle_is_no_failure(systemd: Agent, tmp_path: Path) -> None:
    systemd.machine.sh("echo stopping >/tmp/running")
    outcome = systemd.install(package(tmp_path, files={"bin/hello": b"broken"}))
    assert outcome.code == 0, outcome
    assert "starts with the next boot" in outcome.stdout
    assert systemd.machine.sh(f"readlink {WANTS}") == UNIT


def test_without_systemd_everything_but_the_start_is_done(agent: Agent, tmp_path: Path) -> None:
    outcome = agent.install(package(tmp_path, checks=(Check("no", "false"),)))
    assert outcome.code == 0, outcome
    assert "systemd does not run here" in outcome.stdout
    assert agent.machine.sh(f"readlink {WANTS}") == UNIT
    assert agent.update(package(tmp_path, version="2.0.0")).code == 0
    assert agent.remove(package(tmp_path, version="2.0.0")).code == 0
    assert agent.machine.changed() == set()


def test_a_renamed_unit_replaces_the_old_one(systemd: Agent, tmp_path: Path) -> None:
    systemd.install(package(tmp_path))
    renamed = package(tmp_path, version="2.0.0", params=PARAMS | {"unit": "hullo"})
    assert systemd.update(renamed).code == 0
    assert calls(systemd)[2] == "stop hello.service"
    assert systemd.machine.sh(f"ls {UNIT} {WANTS} 2>/dev/null || :") == ""


def test_a_foreign_unit_is_refused(systemd: Agent, tmp_path: Path) -> None:
    systemd.machine.sh(f"echo mine >{UNIT}")
    app = package(tmp_path)
    assert systemd.install(app).code == 24
    systemd.remove(app)
    assert systemd.machine.sh(f"cat {UNIT}") == "mine"


def test_systemd_accepts_the_unit(agent: Agent, tmp_path: Path) -> None:
    params = PARAMS | {
        "execStart": ["bin/hello", 'a "b"', "c\\d", "100%", "$HOME", "é\n"],
        "hardening": "strict",
        "environment": {"A": 'x "y" %h $z \\'},
        "stateDirectory": ["hello"],
        "directives": {"LimitNOFILE": "4096"},
    }
    assert agent.install(package(tmp_path, params=params)).code == 0
    assert agent.machine.sh(f"systemd-analyze verify {UNIT} 2>&1 | grep hello || :") == ""
