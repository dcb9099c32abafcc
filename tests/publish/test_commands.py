"""The commands that speak to storage, through the door that people use."""

import json
import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from publish_support import ACCOUNT, KEY, Emulator, chunks

from vmpack.cli.run import run
from vmpack.publish.destination import Destination

pytestmark = pytest.mark.azurite

Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, azurite: Emulator) -> None:
    """No CI service around us; the key in the environment, as in most pipelines."""
    for name in list(os.environ):
        if name.startswith(("AZURE_", "GITHUB_", "TF_BUILD")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", azurite.connection_string)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def vmpack(capsys: pytest.CaptureFixture[str], destination: Destination) -> Run:
    """Run a command against the test's container; give exit code, stdout and stderr."""

    def call(command: str, *arguments: object) -> tuple[int, str, str]:
        code = run([command, *map(str, arguments), "--container", destination.container])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_publish_as_json(vmpack: Run, make_release) -> None:
    blocks = chunks(1, 10)
    release = make_release(blocks, config=b"{}")
    code, out, _ = vmpack("publish", release.directory, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["schemaVersion"] == 1
    assert document["blob"] == "hello/1.0.0/hello.tar"
    total = len(b"".join(blocks)) + 2
    assert document["bytes"] == {"total": total, "sent": total, "reused": 0}
    assert document["blocks"] == {"total": 11, "sent": 11, "reused": 0}
    assert document["sas"]["expires"].endswith("Z")
    with urlopen(document["mediaLink"]) as answer:
        assert answer.read() == b"".join(blocks)
    with urlopen(document["defaultConfigurationLink"]) as answer:
        assert answer.read() == b"{}"
    _, out, _ = vmpack("publish", release.directory, "--json")
    assert json.loads(out)["bytes"] == {"total": total, "sent": 0, "reused": total}


def test_publish_for_people(vmpack: Run, make_release) -> None:
    code, out, err = vmpack("publish", make_release(chunks(1, 3)).directory)
    assert code == 0
    assert out.startswith("mediaLink http")
    assert "sig=" in out
    assert "sent in 3 blocks" in err
    assert "sig=" not in err


def test_a_rehearsal_tells_why_and_sends_nothing(vmpack: Run, make_release) -> None:
    blocks = chunks(1, 10)
    release = make_release(blocks)
    code, out, _ = vmpack("publish", release.directory, "--dry-run")
    assert code == 0
    assert out.splitlines()[0] == "hello/1.0.0/hello.tar"
    assert out.splitlines()[1] == f"  send {len(b''.join(blocks))} bytes: nowhere in storage yet"
    assert vmpack("list")[1] == ""
    vmpack("publish", release.directory)
    _, out, _ = vmpack("publish", release.directory, "--dry-run")
    assert "nothing to do" in out
    newer = make_release([*blocks, b"new"], version="1.0.1")
    _, out, _ = vmpack("publish", newer.directory, "--dry-run", "--json")
    assert [step.split()[0] for step in json.loads(out)["plan"][0]["steps"]] == ["copy", "send"]


def test_the_body_and_the_one_command(vmpack: Run, make_release, tmp_path: Path) -> None:
    release = make_release(chunks(1, 3), config=b"{}")
    body = tmp_path / "the body.json"
    names = ("--subscription", "s1", "--resource-group", "rg", "--gallery", "gal")
    code, out, _ = vmpack("publish", release.directory, "--body-file", body, *names)
    assert code == 0
    assert "sig=" not in out, "the links are in the file"
    last = shlex.split(out.splitlines()[-1])
    assert last[:5] == ["az", "rest", "--method", "put", "--url"]
    assert last[5].startswith("/subscriptions/s1/resourceGroups/rg/providers/Microsoft.Compute/galleries/gal")
    assert "/applications/hello/versions/1.0.0?api-version=" in last[5]
    assert last[6:] == ["--body", f"@{body}"]
    assert stat.S_IMODE(body.stat().st_mode) == 0o600
    source = json.loads(body.read_text())["properties"]["publishingProfile"]["source"]
    with urlopen(source["mediaLink"]) as answer:
        assert len(answer.read()) == release.package.size
    assert "sig=" in source["defaultConfigurationLink"]


def test_az_fills_in_the_subscription_by_itself(vmpack: Run, make_release) -> None:
    _, out, _ = vmpack("publish", make_release(chunks(1, 1)).directory, "--body-file", "b.json")
    assert "/subscriptions/{subscriptionId}/resourceGroups/RESOURCE_GROUP/" in out.splitlines()[-1]


def test_the_links_file_is_for_its_owner(vmpack: Run, make_release, tmp_path: Path) -> None:
    path = tmp_path / "links.json"
    path.write_text("old")
    path.chmod(0o644)
    _, out, _ = vmpack("publish", make_release(chunks(1, 1)).directory, "--links-file", path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    document = json.loads(path.read_text())
    assert document["mediaLink"].startswith(out.split()[1] + "?")
    assert document["defaultConfigurationLink"] is None


def test_links_are_renewed_from_the_receipt(
    make_release, vmpack: Run, capsys: pytest.CaptureFixture[str], destination: Destination
) -> None:
    release = make_release(chunks(1, 1))
    vmpack("publish", release.directory)
    assert run(["links", str(release.directory), "--sas-expiry", "48h", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    with urlopen(document["mediaLink"]) as answer:
        assert len(answer.read()) == release.package.size
    assert document["mediaLink"].startswith(destination.url)


def test_list_and_unpublish(vmpack: Run, make_release) -> None:
    release = make_release(chunks(1, 1), config=b"{}")
    vmpack("publish", release.directory)
    _, out, _ = vmpack("list", "--json")
    assert [(v["name"], v["version"], v["byVmpack"]) for v in json.loads(out)["versions"]] == [
        ("hello", "1.0.0", True)
    ]
    code, out, err = vmpack("unpublish", "hello/1.0.0")
    assert (code, out.count("would delete")) == (0, 2)
    assert "add --yes" in err
    _, out, _ = vmpack("list", "hello")
    assert out.startswith("hello 1.0.0")
    code, out, _ = vmpack("unpublish", release.directory, "--yes", "--json")
    assert code == 0
    assert len(json.loads(out)["deleted"]) == 2
    _, out, err = vmpack("list")
    assert out == ""
    assert "no versions" in err


def _two_documents(text: str) -> tuple[Any, Any]:
    first, end = json.JSONDecoder().raw_decode(text)
    return first, json.loads(text[end:])


def test_verify_and_inspect_read_the_published_blobs(
    vmpack: Run, make_app: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["build", str(make_app()), "-o", str(tmp_path / "dist")]) == 0
    release = tmp_path / "dist" / "hello" / "1.2.0"
    assert vmpack("publish", release)[0] == 0
    assert vmpack("verify", release, "--remote", "--read-all")[0] == 0
    _, out, _ = vmpack("links", release, "--json")
    assert run(["inspect", json.loads(out)["mediaLink"], "--json"]) == 0
    assert run(["inspect", str(release), "--json"]) == 0
    remote, local = _two_documents(capsys.readouterr().out)
    assert remote == local
    assert vmpack("unpublish", release, "--yes")[0] == 0
    code, out, _ = vmpack("verify", release, "--remote", "--json")
    assert code == 6
    assert [finding["severity"] for finding in json.loads(out)["findings"]] == ["error"]


def test_several_releases_are_reported_each(vmpack: Run, make_release) -> None:
    good = make_release(chunks(1, 2), name="good")
    vmpack("publish", good.directory)
    bad = make_release(chunks(2, 2), name="good", version="1.0.1")
    bad.package.path.write_bytes(b"damaged")
    code, out, err = vmpack("publish", good.directory, bad.directory, "--json")
    document = json.loads(out)
    assert code == 5
    assert document["releases"][0]["existed"] is True
    assert document["releases"][1]["error"]["rule"] == "release-damaged"
    assert "the file has 7 bytes" in err


def test_exit_codes(vmpack: Run, make_release, tmp_path: Path) -> None:
    release = make_release(chunks(1, 2))
    vmpack("publish", release.directory)
    other = make_release(chunks(2, 2))
    code, out, err = vmpack("publish", other.directory)
    assert (code, out) == (5, "")
    assert "published already, with other content [blob-exists]" in err
    assert vmpack("publish", tmp_path)[0] == 2
    assert vmpack("publish", release.directory, "--no-sas", "--as-user")[0] == 2
    assert vmpack("publish", release.directory, "--sas-expiry", "soon")[0] == 2
    assert vmpack("unpublish", "nonsense")[0] == 2


def test_a_signature_of_ones_own_publishes_but_signs_no_links(
    make_release,
    capsys: pytest.CaptureFixture[str],
    destination: Destination,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from datetime import UTC, datetime, timedelta

    from azure.storage.blob import generate_container_sas

    monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")
    token = generate_container_sas(
        ACCOUNT,
        destination.container,
        account_key=KEY,
        permission="rwl",
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    blocks = chunks(1, 10)
    where = ["--container", f"{destination.url}?{token}", "--json"]
    assert run(["publish", str(make_release(blocks).directory), *where]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["mediaLink"] == f"{destination.url}/hello/1.0.0/hello.tar"
    assert document["sas"]["expires"] is None
    assert [finding["rule"] for finding in document["findings"]] == ["link-unsigned"]
    assert "cannot sign a link of its own" in captured.err
    changed = [*blocks[:-1], b"new"]
    assert run(["publish", str(make_release(changed, version="1.0.1").directory), *where]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"]["sent"] == 3


def _everything_written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


_SPY = """
import os, subprocess, sys, threading
seen = []
def spy():
    while not done.is_set():
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    for file in ("cmdline", "environ", "comm"):
                        seen.append(open(f"/proc/{name}/{file}", "rb").read())
                except OSError:
                    pass
        done.wait(0.05)
done = threading.Event()
thread = threading.Thread(target=spy)
thread.start()
code = subprocess.call([sys.executable, "-m", "vmpack", *sys.argv[2:]])
done.set()
thread.join()
open(sys.argv[1], "wb").write(b"".join(seen))
sys.exit(code)
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks at processes through /proc")
@pytest.mark.parametrize("service", [{}, {"TF_BUILD": "True"}, {"GITHUB_ACTIONS": "true"}])
@pytest.mark.parametrize("broken", [False, True])
def test_the_signature_is_nowhere_but_where_it_belongs(
    service: dict[str, str], broken: bool, make_release, tmp_path: Path, destination: Destination
) -> None:
    """Everything that is written is searched: both streams, every file, the process table; also after a crash."""
    release = make_release(chunks(1, 3), config=b"{}")
    spied, links, body = tmp_path / "spied", tmp_path / "links.json", tmp_path / "body.json"
    home = tmp_path / "home"
    home.mkdir()
    output = tmp_path / "github-output"
    output.touch()
    environment = {
        **os.environ,
        **service,
        "HOME": str(home),
        "TMPDIR": str(home),
        "VMPACK_DEBUG": "1",
        "GITHUB_OUTPUT": str(output),
        "PYTHONDEVMODE": "1",
    }
    if broken:
        # The link file cannot be written: the links exist by then, and a traceback is printed.
        links.mkdir()
    arguments = ["publish", str(release.directory), "--container", destination.container]
    files = ["--links-file", str(links), "--body-file", str(body)]
    command = [sys.executable, "-c", _SPY, str(spied), *arguments, *files]
    done = subprocess.run(command, env=environment, cwd=home, capture_output=True, timeout=120, check=False)
    assert (done.returncode != 0) == broken, done.stderr.decode()
    allowed = [] if broken else [links, body]
    secrets = [b"sig=", KEY.encode()[:-2]]
    if service and not broken:
        allowed.append(output)
    texts = {
        "stdout": done.stdout,
        "home": _everything_written(home),
        "release": _everything_written(release.directory),
    }
    stderr = [
        line
        for line in done.stderr.splitlines()
        if not line.startswith((b"##vso[task.setvariable", b"::add-mask::"))
    ]
    texts["stderr"] = b"\n".join(stderr)
    if not (broken or service == {"GITHUB_ACTIONS": "true"}):
        texts["github output"] = output.read_bytes()
    for where, text in texts.items():
        assert not any(secret in text for secret in secrets), where
    assert b"sig=" not in spied.read_bytes()
    for path in allowed[:2]:
        assert b"sig=" in path.read_bytes()
    if service.get("TF_BUILD") and not broken:
        variables = [line for line in done.stderr.splitlines() if line.startswith(b"##vso[task.setvariable")]
        assert len(variables) == 2
        assert all(b"issecret=true" in line for line in variables)
    if service.get("GITHUB_ACTIONS") and not broken:
        assert b"mediaLink<<" in output.read_bytes()
        assert output.read_bytes().count(b"sig=") == 2
