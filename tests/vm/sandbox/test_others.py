"""The sandboxes beside the root one, each tried for real where this machine has what it needs."""

import io
import json
import os
import pwd
import subprocess
import sys
import tarfile
import textwrap
from pathlib import Path

import platformdirs
import pytest

import vmpack
from vmpack.vm.leftovers import significant
from vmpack.vm.sandbox import Sandbox, check, open_sandbox
from vmpack.vm.sandbox import choose as choosing
from vmpack.vm.sandbox.guest import is_root

PACKAGE = Path(vmpack.__file__).parent
CACHE = platformdirs.user_cache_dir("vmpack")


@pytest.fixture
def own_cache(monkeypatch):
    """The user's own cache, where root file systems are kept from run to run; a build takes 15 to 60 s."""
    monkeypatch.setenv("VMPACK_CACHE_DIR", CACHE)
    choosing.check.cache_clear()
    yield
    choosing.check.cache_clear()


def need(kind: str) -> None:
    told = check(kind)
    if not told.works:
        pytest.skip(f"the sandbox '{kind}' does not work here: {told.reason}")


def use(box: Sandbox) -> dict[str, str]:
    """Change a bit of everything, and give what the sandbox tells of it."""
    assert significant(box.changes()) == ()
    script = """
    set -e
    useradd --system worker; install -d -o worker -m 0700 /var/lib/shop; echo x >/var/lib/shop/file
    echo '127.0.0.1 work' >>/etc/hosts; rm /etc/issue; chmod 0700 /usr/bin/env; chmod 0755 /usr/bin/env
    printf '[Service]\\nUser=worker\\nExecStart=/bin/sleep 600\\n[Install]\\nWantedBy=multi-user.target\\n' \
        >/etc/systemd/system/work.service
    systemctl daemon-reload; systemctl enable --now work; test "$(systemctl is-active work)" = active
    """
    done = box.run(["/bin/sh", "-c", script])
    assert done.code == 0, done.text()
    assert [process.command for process in box.processes()] == ["/bin/sleep 600"]
    assert b"127.0.0.1 work" not in (box.pristine("/etc/hosts") or b"")
    box.write("/srv/a file", b"bytes\0", 0o700)
    assert box.read("/srv/a file") == b"bytes\0"
    told = {change.path: f"{change.kind} {change.what}".strip() for change in box.changes()}
    done = box.run(["/bin/sh", "-c", "systemctl disable --now work; ! systemctl -q is-active work"])
    assert (done.code, box.processes()) == (0, ())
    return told


EXPECTED = {
    "/etc/hosts": "changed content",
    "/etc/issue": "deleted",
    "/etc/passwd": "changed content",
    "/etc/systemd/system/multi-user.target.wants/work.service": "added",
    "/var/lib/shop": "added",
    "/var/lib/shop/file": "added",
    "/srv/a file": "added",
}


@pytest.mark.slow
def test_a_booted_system_runs_services_for_real(own_cache):
    need("nspawn")
    with open_sandbox("nspawn") as box:
        told = use(box)
        name = box.name
        assert b"systemd" in box.run(["/bin/cat", "/proc/1/comm"]).stdout
    assert told.items() >= EXPECTED.items()
    assert "/usr/bin/env" not in told
    assert list(Path("/sys/fs/cgroup").glob(f"**/*{name}*")) == []


@pytest.mark.slow
def test_a_user_namespace_needs_no_root(own_cache, tmp_path):
    if not is_root():
        need("userns")
        with open_sandbox("userns") as box:
            assert use(box).items() >= EXPECTED.items()
        return
    user, python = _unprivileged()
    script = textwrap.dedent(f"""
        import importlib.util, json, sys
        spec = importlib.util.spec_from_file_location("others", {str(Path(__file__))!r})
        from vmpack.vm.sandbox import check, open_sandbox
        told = check("userns")
        if not told.works:
            sys.exit(told.reason)
        sys.modules["pytest"] = type(sys)("pytest")
        sys.modules["pytest"].fixture = lambda f: f
        sys.modules["pytest"].mark = type("M", (), {{"slow": staticmethod(lambda f: f)}})
        others = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(others)
        with open_sandbox("userns") as box:
            sys.stdout.write(json.dumps(others.use(box)))
    """)
    environment = {
        **{name: os.environ[name] for name in ("PATH",)},
        "HOME": user.pw_dir,
        "VMPACK_CACHE_DIR": f"{user.pw_dir}/.cache/vmpack",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": f"{PACKAGE.parent}:{Path(platformdirs.__file__).parent.parent}",
    }
    command = ["runuser", "-u", user.pw_name, "--", python, "-c", script]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd="/")
    if done.returncode == 1 and "Traceback" not in done.stderr:
        pytest.skip(f"the sandbox 'userns' does not work for {user.pw_name}: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout).items() >= EXPECTED.items()


@pytest.mark.slow
def test_a_container_of_an_image(own_cache):
    image = os.environ.get("VMPACK_TEST_IMAGE")
    if not image:
        pytest.skip("VMPACK_TEST_IMAGE names no image to try")
    need("podman")
    with choosing.open_sandbox("podman", image=image) as box:
        assert use(box).items() >= EXPECTED.items()


@pytest.mark.slow
def test_no_sandbox_at_all_on_a_machine_that_may_be_ruined(own_cache):
    """Played inside a booted sandbox: that is the machine."""
    need("nspawn")
    with open_sandbox("nspawn") as box:
        box.write("/srv/vmpack.tar", _source())
        script = textwrap.dedent("""
            import json, sys
            from vmpack.vm.leftovers import significant
            from vmpack.vm.sandbox import open_sandbox
            with open_sandbox("none") as box:
                # A booted system writes its journal whenever it likes.
                assert significant(box.changes()) == (), box.changes()
                box.run(["/bin/sh", "-c", "echo x >>/etc/hosts; mkdir /opt/left; rm /etc/issue"])
                box.start(["/bin/sh", "-c", "exec sleep 600"], environment={"AZURE_GUEST_AGENT_EXTENSION_PATH": "x"})
                told = {change.path: f"{change.kind} {change.what}".strip() for change in box.changes()}
                while not box.processes(): pass
                box.boot()
                while box.processes(): pass
            sys.stdout.write(json.dumps(told))
        """)
        unpack = (
            "tar -xf /srv/vmpack.tar -C /srv && rm /srv/vmpack.tar && cd /srv && exec python3 -W ignore -c"
        )
        done = box.run(["/bin/sh", "-c", f'{unpack} "$1"', "sh", script])
        if b"SyntaxError" in done.stderr or b"cannot import name 'Self'" in done.stderr:
            pytest.skip("the sandbox's Python is older than 3.11")
        assert done.code == 0, done.text()
    told = json.loads(done.stdout)
    assert (
        told.items()
        >= {"/etc/hosts": "changed content", "/opt/left": "added", "/etc/issue": "deleted"}.items()
    )


def _source() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.add(PACKAGE, "vmpack", filter=lambda info: None if "__pycache__" in info.name else info)
    return stream.getvalue()


def _unprivileged() -> tuple[pwd.struct_passwd, str]:
    """A user with subordinate ids, and a Python that this user may run."""
    try:
        names = {line.split(":")[0] for line in Path("/etc/subuid").read_text().splitlines()}
    except OSError:
        names = set()
    for user in pwd.getpwall():
        if user.pw_name not in names or user.pw_uid == 0:
            continue
        for python in (sys.executable, "/usr/bin/python3"):
            probe = ["runuser", "-u", user.pw_name, "--", python, "-c"]
            code = f"import sys; open({str(PACKAGE / '__init__.py')!r}); assert sys.version_info >= (3, 11)"
            done = subprocess.run([*probe, code], check=False, capture_output=True, cwd="/")
            if done.returncode == 0:
                return user, python
    pytest.skip(
        "root needs no user namespace, and no other user has subordinate ids and a Python to try it with"
    )
