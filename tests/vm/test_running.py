import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from vmpack.errors import UsageError
from vmpack.vm.junit import junit
from vmpack.vm.running import Options, run_scenarios
from vmpack.vm.sandbox import Availability
from vmpack.vm.sandbox import choose as choosing
from vmpack.vm.scenarios import SCENARIOS

WATCHED = (
    "/etc",
    "/opt",
    "/srv",
    "/mnt",
    "/home",
    "/var/spool",
    "/var/log/vmpack",
    "/var/lib/vmpack",
    "/var/lib/waagent",
)


@pytest.mark.slow
def test_a_good_package_passes_everything(make_release, root):
    observed = []
    report = run_scenarios(
        make_release(config=b"{}"), None, Options("root"), lambda result: observed.append(result.name)
    )
    told = {scenario.name: (scenario.result, scenario.reason) for scenario in report.scenarios}
    failed = {name: result for name, result in told.items() if result[0] == "failed"}
    assert failed == {}
    assert report.result == "passed"
    assert observed == [scenario.name for scenario in SCENARIOS]


@pytest.mark.slow
def test_the_machine_is_untouched(make_release, root):
    before = _state()
    mess = "useradd ghost; echo '127.0.0.1 ghost' >>/etc/hosts; rm -f /etc/issue; echo x >/root/vmpack-x"
    run_scenarios(
        make_release(install=f"{mess}; false"), None, Options("root", only=("install", "remove-absent"))
    )
    assert _state() == before
    assert not Path("/root/vmpack-x").exists()


def test_unknown_scenarios_are_refused(make_release):
    with pytest.raises(UsageError, match="nosuch"):
        run_scenarios(make_release(), None, Options(only=("nosuch",)))


def test_without_a_sandbox_everything_is_skipped_with_the_reason(make_release, monkeypatch):
    choosing.check.cache_clear()
    nothing = {
        kind: lambda kind=kind: Availability(kind, False, f"no {kind} here") for kind in ("root", "userns")
    }
    monkeypatch.setattr(choosing, "_CHECKS", nothing)
    report = run_scenarios(make_release())
    choosing.check.cache_clear()
    assert report.result == "skipped"
    assert {scenario.result for scenario in report.scenarios} == {"skipped"}
    assert "no root here" in report.scenarios[0].reason
    assert "Nothing was executed" in report.notes[0]


def test_the_first_failure_stops_where_it_is_asked_for(make_release, root):
    bad = make_release(remove="exit 3")
    options = Options("root", only=("install", "remove", "update", "umask"), stop_at_first=True, jobs=1)
    told = {scenario.name: scenario.result for scenario in run_scenarios(bad, None, options).scenarios}
    assert told["install"] == "passed"
    assert told["remove"] == "failed"
    assert told["umask"] == "skipped"


def test_an_older_release_is_where_updates_start(make_release, root):
    old = make_release(version="1.1.0", remove="exit 1")
    report = run_scenarios(make_release(), old, Options("root", only=("update",)))
    steps = report.scenarios[0].steps
    assert [run.operation + run.version for step in steps for run in step.runs][:2] == [
        "Install1.1.0",
        "Update1.2.0",
    ]


def test_json_has_the_contracts_shape(make_release, root):
    document = run_scenarios(make_release(), None, Options("root", only=("remove",))).as_json()
    assert json.loads(json.dumps(document)) == document
    assert {"schemaVersion", "sandbox", "result", "scenarios"} <= document.keys()
    scenario = document["scenarios"][0]
    assert {"name", "result", "reason", "steps", "leftovers"} <= scenario.keys()
    assert scenario["steps"][0]["status"] == "success"


def test_junit_counts(make_release, root):
    report = run_scenarios(
        make_release(remove="exit 3\x01"), None, Options("root", only=("install", "remove", "config-absent"))
    )
    suite = ET.fromstring(junit(report)).find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    assert suite.find("testcase/failure").get("type") == "command-failed"


def test_a_kept_sandbox_lives_until_it_is_ended(make_release, root):
    report = run_scenarios(
        make_release(install="exit 9"), None, Options("root", keep=True, only=("install",))
    )
    hint = report.scenarios[0].kept
    pid = int(hint.rpartition("kill -9 ")[2].rstrip(")"))
    assert Path(f"/proc/{pid}").exists()
    os.kill(pid, signal.SIGKILL)


def run_cli(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "vmpack", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "run.sh").write_text("#!/bin/sh\nrm -rf /opt/tiny && mkdir -p /opt/tiny\n")
    manifest = {
        "name": "tiny",
        "version": "1.0.0",
        "os": "linux",
        "payload": {"include": ["run.sh"], "format": "none"},
        "actions": {"install": "sh ./run.sh", "update": "sh ./run.sh", "remove": "rm -rf /opt/tiny"},
    }
    (tmp_path / "vmapp.json").write_text(json.dumps(manifest))
    done = run_cli(
        "build", str(tmp_path), "-o", str(tmp_path / "dist"), VMPACK_CACHE_DIR=str(tmp_path / "cache")
    )
    assert done.returncode == 0, done.stderr
    return tmp_path / "dist" / "tiny" / "1.0.0"


def test_the_command_tells_and_exits(built, root, tmp_path):
    good = run_cli("test", str(built), "--scenario", "install", "--junit", str(tmp_path / "junit.xml"))
    assert good.returncode == 0, good.stderr
    assert "1 passed" in good.stdout
    assert ET.parse(tmp_path / "junit.xml").getroot().tag == "testsuites"
    bad = run_cli("test", str(built), "--scenario", "package-corrupted", GITHUB_ACTIONS="true")
    assert bad.returncode == 6
    for word in ("command    sh ./run.sh", "exit code  0", "stderr", "hint", "[no-integrity-check]"):
        assert word in bad.stdout
    assert "::error" in bad.stderr


def test_the_commands_json(built, root):
    done = run_cli("test", str(built), "--scenario", "install", "--json")
    assert json.loads(done.stdout)["result"] == "passed"


def test_what_cannot_be_executed_is_no_success(built):
    done = run_cli("test", str(built), "--sandbox", "docker", "--image", "nosuch", PATH="/nonexistent")
    assert done.returncode == 6
    assert "not installed: docker" in done.stdout
    allowed = run_cli(
        "test", str(built), "--sandbox", "docker", "--image", "nosuch", "--allow-skip", PATH="/nonexistent"
    )
    assert allowed.returncode == 0


def test_scenarios_are_listed_without_a_release():
    done = run_cli("test", "--list")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == len(SCENARIOS)


def test_explain_reads_stdin():
    row = {"package": "a", "version": "1", "operation": "Install", "result": "SUCCESS"}
    done = subprocess.run(
        [sys.executable, "-m", "vmpack", "explain", "-"],
        check=False,
        input=json.dumps({"CurrentState": [], "ActionsPerformed": [row]}),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert done.stdout.startswith("ok  a 1, Install")


def test_doctor_names_every_sandbox():
    document = json.loads(run_cli("doctor", "--json").stdout)
    named = {item["name"] for item in document["checks"] if item["group"] == "sandboxes"}
    assert named == {"root", "userns", "nspawn", "podman", "docker", "none"}


@pytest.mark.slow
def test_nothing_is_left_after_the_command_was_killed(tmp_path, root):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "run.sh").write_text("sleep 4321\n")
    release = _build_sleeper(tmp_path)
    mounts = Path("/proc/mounts").read_text()
    with subprocess.Popen(
        [sys.executable, "-m", "vmpack", "test", str(release)], stdout=subprocess.DEVNULL
    ) as process:
        _wait_until(lambda: _sleeps("4321"))
        process.kill()
    _wait_until(lambda: not _sleeps("4321"))
    assert Path("/proc/mounts").read_text() == mounts


def _build_sleeper(folder: Path) -> Path:
    actions = {"install": "sh ./run.sh", "update": "sh ./run.sh", "remove": "true"}
    payload = {"include": ["run.sh"], "format": "none"}
    manifest = {"name": "sleeper", "version": "1.0.0", "os": "linux", "payload": payload, "actions": actions}
    (folder / "vmapp.json").write_text(json.dumps(manifest))
    done = run_cli("build", str(folder), "-o", str(folder / "dist"), VMPACK_CACHE_DIR=str(folder / "cache"))
    assert done.returncode == 0, done.stderr
    return folder / "dist" / "sleeper" / "1.0.0"


def _sleeps(argument: str) -> bool:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if entry.read_bytes() == f"sleep\0{argument}\0".encode():
                return True
        except OSError:
            continue
    return False


def _wait_until(holds) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, "did not happen within 30 s"
        time.sleep(0.02)


def _state() -> dict[str, tuple[int, ...]]:
    """Everything in the folders that installs write to and other programs of a machine at rest do not."""
    found = {}
    for top in WATCHED:
        for folder, names, files in os.walk(top):
            names[:] = [name for name in names if name not in (".cache", "rootfs")]
            for name in (*names, *files):
                path = os.path.join(folder, name)
                info = os.lstat(path)
                changed = info.st_mtime_ns if name in files else 0
                found[path] = (info.st_mode, info.st_uid, info.st_gid, info.st_size, changed)
    return found
