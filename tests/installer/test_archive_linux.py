"""The built-in installer ``archive`` on a real, throw-away Linux, driven as the agent would drive it."""

from pathlib import Path
from typing import ClassVar

import pytest

from tests.installer.conftest import AGENT, Agent, Package, make_package
from vmpack.manifest.model import Check

pytestmark = pytest.mark.root

VERSION = "/opt/hello/bin/hello"
STATE = "/var/lib/vmpack/hello"


def says(agent: Agent, text: str) -> None:
    assert agent.machine.sh(VERSION) == text


def test_install_unpacks_and_switches(agent: Agent, v1: Package) -> None:
    outcome = agent.install(v1)
    assert outcome.code == 0, outcome
    assert outcome.stderr == ""
    says(agent, "hello 1.0.0")
    assert agent.machine.sh("readlink /opt/hello") == "hello.releases/1.0.0-1"
    assert agent.machine.sh(f"ls {v1.folder}") == "hello.tar\nstderr\nstdout"
    assert "install" in agent.machine.sh("cat /var/log/vmpack/hello.log")


def test_install_twice(agent: Agent, v1: Package) -> None:
    agent.install(v1)
    assert agent.install(v1).code == 0
    says(agent, "hello 1.0.0")


def test_update_keeps_the_previous_release_and_frees_the_old_download(
    agent: Agent, v1: Package, v2: Package
) -> None:
    agent.install(v1)
    outcome = agent.update(v2)
    assert outcome.code == 0, outcome
    says(agent, "hello 2.0.0")
    assert agent.machine.sh("ls /opt/hello.releases") == "1.0.0-1\n2.0.0-1"
    assert agent.machine.sh(f"ls {AGENT}/hello") == "2.0.0"


def test_update_from_nothing(agent: Agent, v2: Package) -> None:
    assert agent.update(v2).code == 0
    says(agent, "hello 2.0.0")


def test_downgrade(agent: Agent, v1: Package, v2: Package) -> None:
    agent.install(v2)
    assert agent.update(v1).code == 0
    says(agent, "hello 1.0.0")


def test_old_releases_are_dropped(agent: Agent, tmp_path: Path) -> None:
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        assert agent.update(make_package(tmp_path, version=version)).code == 0
    assert agent.machine.sh("ls /opt/hello.releases") == "1.1.0-1\n1.2.0-1"


@pytest.mark.parametrize("count", [1, 2])
def test_remove_leaves_nothing(agent: Agent, tmp_path: Path, count: int) -> None:
    params = {
        "destination": "/srv/a b/hello",
        "links": {"/usr/local/bin/hello-x": "bin/hello"},
        "config": {"destination": "/etc/hello/sub/hello.json"},
        "dataDirs": ["/var/lib/hello/data"],
        "purge": True,
    }
    package = make_package(tmp_path, params=params, config=b"{}")
    outcome = agent.install(package)
    assert outcome.code == 0, outcome
    assert agent.machine.sh("hello-x; cat /etc/hello/sub/hello.json; ls -d /var/lib/hello/data") == (
        "hello 1.0.0\n{}/var/lib/hello/data"
    )
    for _ in range(count):
        outcome = agent.remove(package)
        assert outcome.code == 0, outcome
    assert agent.machine.changed() == set()


def test_data_outlives_remove_by_default(agent: Agent, tmp_path: Path) -> None:
    package = make_package(tmp_path, params={"destination": "/opt/hello", "dataDirs": ["/var/lib/hello"]})
    agent.install(package)
    agent.machine.sh("echo precious >/var/lib/hello/file")
    assert agent.remove(package).code == 0
    assert agent.machine.sh("cat /var/lib/hello/file") == "precious"


def test_remove_when_absent_says_so(agent: Agent, v1: Package) -> None:
    outcome = agent.remove(v1)
    assert outcome.code == 0
    assert "not installed" in outcome.stdout
    assert agent.machine.changed() == set()


def test_remove_for_update_finds_new_bytes_under_the_old_name(agent: Agent, v1: Package, v2: Package) -> None:
    agent.install(v1)
    agent.deliver(v1, data=v2.data)
    assert agent.run(v1, v1.commands.remove).code == 0
    assert agent.install(v2).code == 0
    says(agent, "hello 2.0.0")


@pytest.mark.parametrize(
    ("data", "code"),
    [(None, 10), (b"", 10), (b"cut", 11), ("other", 11)],
    ids=["missing", "empty", "truncated", "of another version"],
)
@pytest.mark.parametrize("action", ["install", "update"])
def test_a_bad_package_changes_nothing(
    agent: Agent, v1: Package, v2: Package, data: bytes | str | None, code: int, action: str
) -> None:
    agent.install(v1)
    before = agent.machine.changed()
    if data is not None:
        bad = {"cut": v2.data[:-700], "other": v1.data}.get(
            data if isinstance(data, str) else data.decode(), b""
        )
        agent.deliver(v2, data=bad)
    command = {"install": v2.commands.install, "update": v2.commands.update}[action]
    outcome = agent.run(v2, command or "")
    assert outcome.code == code, outcome
    assert "vmpack: the package hello.tar" in outcome.stderr
    assert agent.machine.changed() == before
    says(agent, "hello 1.0.0")


@pytest.mark.parametrize("form", ["tar.zst", "tar.gz", "tar"])
def test_every_format_is_unpacked_without_the_usual_programs(agent: Agent, tmp_path: Path, form: str) -> None:
    agent.machine.sh("rm -f /usr/bin/zstd /bin/zstd /usr/bin/unzstd /usr/bin/gzip /bin/gzip")
    outcome = agent.install(make_package(tmp_path, form=form))
    assert outcome.code == 0, outcome
    says(agent, "hello 1.0.0")


def test_no_decoder_is_found_out_before_anything_is_changed(agent: Agent, v1: Package) -> None:
    agent.machine.sh("rm -f /usr/bin/zstd /usr/bin/python3*")
    outcome = agent.install(v1)
    assert outcome.code == 22, outcome
    assert "nothing here can decompress tar.zst" in outcome.stdout
    assert agent.machine.sh("ls /opt") == agent.machine.sh("ls /opt | grep -v hello || :")


def test_a_failing_check_rolls_back_to_the_previous_release(
    agent: Agent, v1: Package, tmp_path: Path
) -> None:
    agent.install(v1)
    bad = make_package(tmp_path, version="2.0.0", checks=(Check("is well", "echo ill; exit 3"),))
    outcome = agent.update(bad)
    assert outcome.code == 32, outcome
    assert "ill" in outcome.stdout
    assert "rolled back" in outcome.stdout
    says(agent, "hello 1.0.0")
    assert agent.machine.sh("ls /opt/hello.releases; cat /var/lib/vmpack/hello/installed") == "1.0.0-1\n1.0.0"


def test_a_failing_first_install_leaves_only_what_remove_needs(agent: Agent, tmp_path: Path) -> None:
    params = {"destination": "/opt/hello", "links": {"/usr/local/bin/hello-x": "bin/hello"}}
    bad = make_package(tmp_path, params=params, checks=(Check("no", "false"),))
    assert agent.install(bad).code == 32
    left = agent.machine.changed()
    assert left
    assert all(path == "/var/lib/vmpack" or path.startswith(STATE) for path in left)
    assert agent.remove(bad).code == 0
    assert agent.machine.changed() == set()


def test_the_state_names_the_applications_folder_while_it_is_installed(
    agent: Agent, v1: Package, tmp_path: Path
) -> None:
    agent.install(v1)
    assert agent.machine.sh(f"readlink {STATE}/app") == "/opt/hello"
    moved = make_package(tmp_path, version="2.0.0", params={"destination": "/srv/hello"})
    bad = make_package(
        tmp_path, version="2.0.1", params={"destination": "/srv/hello"}, checks=(Check("no", "false"),)
    )
    assert agent.update(bad).code == 32
    assert agent.machine.sh(f"readlink {STATE}/app") == "/opt/hello"
    agent.update(moved)
    assert agent.machine.sh(f"readlink {STATE}/app; cd {STATE}/app && ls") == "/srv/hello\nbin"


def test_a_hanging_check_is_killed(agent: Agent, tmp_path: Path) -> None:
    package = make_package(tmp_path, checks=(Check("hangs", "sleep 100", timeout=1),))
    assert agent.install(package).code == 32


def test_checks_see_the_application(agent: Agent, tmp_path: Path) -> None:
    check = Check(
        "env",
        'test "$VMPACK_APP_NAME $VMPACK_APP_VERSION" = "hello 1.0.0" && test -x bin/hello && ! test -e /proc/self/fd/9',
    )
    outcome = agent.install(make_package(tmp_path, checks=(check,)))
    assert outcome.code == 0, outcome


def test_a_real_directory_at_the_destination_is_refused(agent: Agent, v1: Package) -> None:
    agent.machine.sh("mkdir /opt/hello; echo mine >/opt/hello/file")
    outcome = agent.install(v1)
    assert outcome.code == 24
    assert "was not made by vmpack" in outcome.stdout
    agent.remove(v1)
    assert agent.machine.sh("cat /opt/hello/file") == "mine"


def test_a_foreign_file_at_a_link_is_refused(agent: Agent, tmp_path: Path) -> None:
    params = {"destination": "/opt/hello", "links": {"/usr/local/bin/foreign": "bin/hello"}}
    agent.machine.sh("echo mine >/usr/local/bin/foreign")
    assert agent.install(make_package(tmp_path, params=params)).code == 24
    assert agent.machine.sh("cat /usr/local/bin/foreign") == "mine"


class TestConfig:
    PARAMS: ClassVar = {
        "destination": "/opt/hello",
        "config": {"destination": "/etc/hello.json", "mode": "0640"},
    }

    def test_the_deployed_one_is_installed_and_follows(self, agent: Agent, tmp_path: Path) -> None:
        agent.install(make_package(tmp_path, params=self.PARAMS, config=b"1"))
        assert agent.machine.sh("cat /etc/hello.json; stat -c %a /etc/hello.json") == "1640"
        agent.update(make_package(tmp_path, version="2.0.0", params=self.PARAMS, config=b"2"))
        assert agent.machine.sh("cat /etc/hello.json") == "2"

    def test_missing_keeps_what_is_there(self, agent: Agent, tmp_path: Path) -> None:
        first = make_package(tmp_path, params=self.PARAMS, config=b"1")
        agent.install(first)
        second = make_package(tmp_path, version="2.0.0", params=self.PARAMS)
        assert agent.update(second).code == 0
        assert agent.machine.sh("cat /etc/hello.json") == "1"
        agent.remove(second)
        assert agent.machine.changed() == set()

    def test_required_but_missing_fails_and_rolls_back(self, agent: Agent, tmp_path: Path) -> None:
        params = {"destination": "/opt/hello", "config": {"destination": "/etc/hello.json", "required": True}}
        outcome = agent.install(make_package(tmp_path, params=params))
        assert outcome.code == 26, outcome
        assert "/opt/hello" not in agent.machine.changed()

    def test_default_comes_from_the_payload(self, agent: Agent, tmp_path: Path) -> None:
        params = {
            "destination": "/opt/hello",
            "config": {"destination": "/etc/hello.json", "default": "d.json"},
        }
        package = make_package(tmp_path, params=params, files={"d.json": b"default"})
        assert agent.install(package).code == 0
        assert agent.machine.sh("cat /etc/hello.json") == "default"

    def test_a_foreign_file_comes_back(self, agent: Agent, tmp_path: Path) -> None:
        agent.machine.sh("echo foreign >/etc/hello.json")
        package = make_package(tmp_path, params=self.PARAMS, config=b"1")
        agent.install(package)
        agent.update(make_package(tmp_path, version="2.0.0", params=self.PARAMS, config=b"2"))
        agent.remove(package)
        assert agent.machine.sh("cat /etc/hello.json; ls /etc/hello.json*") == "foreign\n/etc/hello.json"

    def test_an_edited_one_is_never_lost(self, agent: Agent, tmp_path: Path) -> None:
        agent.install(make_package(tmp_path, params=self.PARAMS, config=b"1"))
        agent.machine.sh("echo edited >/etc/hello.json")
        second = make_package(tmp_path, version="2.0.0", params=self.PARAMS, config=b"2")
        assert agent.update(second).code == 0
        assert agent.machine.sh("cat /etc/hello.json /etc/hello.json.saved") == "2edited"
        agent.machine.sh("echo again >/etc/hello.json")
        assert agent.remove(second).code == 0
        assert agent.machine.sh("cat /etc/hello.json") == "again"

    def test_rolls_back_with_the_release(self, agent: Agent, tmp_path: Path) -> None:
        agent.install(make_package(tmp_path, params=self.PARAMS, config=b"1"))
        bad = make_package(
            tmp_path, version="2.0.0", params=self.PARAMS, config=b"2", checks=(Check("no", "false"),)
        )
        assert agent.update(bad).code == 32
        assert agent.machine.sh("cat /etc/hello.json; ls /etc/hello.json*") == "1/etc/hello.json"


def test_what_the_new_version_no_longer_has_is_removed(agent: Agent, tmp_path: Path) -> None:
    old = {"destination": "/opt/old", "links": {"/usr/local/bin/hello-old": "bin/hello"}}
    agent.install(make_package(tmp_path, params=old))
    new = make_package(tmp_path, version="2.0.0")
    assert agent.update(new).code == 0
    assert agent.machine.sh("ls -d /opt/old* /usr/local/bin/hello-old 2>/dev/null || :") == ""
    agent.remove(new)
    assert agent.machine.changed() == set()


def test_a_full_disk_is_found_out_before_unpacking(agent: Agent, tmp_path: Path) -> None:
    agent.machine.sh("mkdir /mnt/small")
    agent.machine.sh("mount -t tmpfs -o size=1m tmpfs /mnt/small")
    package = make_package(tmp_path, params={"destination": "/mnt/small/hello"})
    outcome = agent.install(package)
    assert outcome.code == 23, outcome
    assert "not enough space" in outcome.stdout


def test_a_read_only_destination_is_told(agent: Agent, tmp_path: Path) -> None:
    agent.machine.sh("mkdir /mnt/ro && mount -t tmpfs -o ro tmpfs /mnt/ro")
    outcome = agent.install(make_package(tmp_path, params={"destination": "/mnt/ro/hello"}))
    assert outcome.code == 25, outcome
    assert "read-only" in outcome.stdout


def test_works_with_busybox_alone(agent: Agent, v1: Package) -> None:
    if "busybox" not in agent.machine.sh("command -v busybox || echo none"):
        pytest.skip("needs busybox")
    agent.machine.sh(
        "mkdir /bb; busybox --install -s /bb; ln -s /usr/bin/python3 /bb/python3; rm -f /bb/zstd"
    )
    command = v1.commands.install
    agent.deliver(v1)
    outcome = agent.run(v1, "PATH=/bb; " + command.replace(":/usr/sbin:/usr/bin:/sbin:/bin", ""))
    assert outcome.code == 0, outcome
    says(agent, "hello 1.0.0")


def test_folders_that_do_not_look_like_the_agents_stay(agent: Agent, v1: Package) -> None:
    agent.machine.sh(f"mkdir -p {AGENT}/hello/not-a-version {AGENT}/hello/1.2")
    agent.install(v1)
    assert agent.machine.sh(f"ls {AGENT}/hello") == "1.0.0\n1.2\nnot-a-version"
