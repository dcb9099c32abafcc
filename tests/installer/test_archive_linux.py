"""The built-in installer ``archive`` on a real, throw-away Linux, driven as the agent would drive it."""

from pathlib import Path

import pytest

from tests.installer.conftest import Agent, make_package

pytestmark = pytest.mark.root


def test_install_unpacks_and_switches(agent: Agent, tmp_path: Path) -> None:
    package = make_package(tmp_path)
    outcome = agent.install(package)
    assert outcome.code == 0, outcome
    assert outcome.stderr == ""
    assert agent.machine.sh("/opt/hello/bin/hello") == "hello 1.0.0"
