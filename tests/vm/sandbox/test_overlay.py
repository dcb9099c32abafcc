import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from vmpack.vm.sandbox import Sandbox, open_sandbox


def sh(box: Sandbox, script: str) -> str:
    done = box.run(["/bin/sh", "-c", script])
    assert done.code == 0, done.text()
    return done.stdout.decode()


def changes(box: Sandbox) -> dict[str, str]:
    return {change.path: f"{change.kind} {change.what}".strip() for change in box.changes()}


def test_a_fresh_sandbox_has_no_changes(box):
    assert box.changes() == ()
    assert box.processes() == ()


def test_every_kind_of_change_is_told(box):
    sh(
        box,
        """
        echo line >>/etc/hosts; rm /etc/hostname; mkdir /opt/new; echo x >/opt/new/file; chmod 0700 /usr/bin/env
        ln -s /opt/new /srv/link; echo y >/root/secret; echo z >/home/who; : >/tmp/rest
        """,
    )
    told = changes(box)
    assert told["/etc/hosts"] == "changed content"
    assert told["/etc/hostname"] == "deleted"
    assert told["/opt/new"] == told["/opt/new/file"] == "added"
    assert told["/usr/bin/env"] == "changed mode 0755 -> 0700"
    assert {"/srv/link", "/root/secret", "/home/who", "/tmp/rest"} <= set(told)


def test_what_is_put_back_is_no_change(box):
    before = changes(box)
    sh(box, "useradd ghost && userdel ghost && cp -a /etc/passwd /x && mv /x /etc/passwd; rm -f /etc/*-")
    told = changes(box)
    assert "/etc/passwd" not in told
    assert "/etc/group" not in told
    assert before == {}


def test_a_replaced_folder_tells_what_was_deleted_in_it(box):
    sh(box, "rm -r /etc/skel && mkdir /etc/skel && echo x >/etc/skel/new")
    told = changes(box)
    assert told["/etc/skel/.bashrc"] == "deleted"
    assert told["/etc/skel/new"] == "added"


def test_the_host_is_out_of_reach(box):
    # Not with "!": a command behind it never ends a script, not even under "set -e".
    script = """
    refused() { if "$@" >/dev/null 2>&1; then echo "not refused: $*" >&2; exit 1; fi; }
    refused mount -t tmpfs x /mnt
    refused mknod /tmp/disk b 8 0
    refused sh -c 'echo 1 >/proc/sys/kernel/hung_task_timeout_secs'
    refused date -s 2001-01-01
    refused kill -0 %d
    test -z "$(ls -A /root)"
    test "$(ls /sys/class/net)" = lo
    """
    sh(box, "set -e\n" + script % os.getpid())


def test_a_user_and_a_service_can_be_made(box):
    sh(
        box,
        """
        set -e
        useradd --system worker; install -d -o worker /var/lib/work; su -s /bin/sh worker -c 'test "$(id -un)" = worker'
        printf '[Service]\\nUser=worker\\nExecStart=/bin/sleep 60\\n[Install]\\nWantedBy=multi-user.target\\n' \
            >/etc/systemd/system/work.service
        systemctl daemon-reload; systemctl enable --now work; test "$(systemctl is-active work)" = active
        """,
    )
    assert [p.command for p in box.processes()] == ["/bin/sleep 60"]
    assert "/etc/systemd/system/multi-user.target.wants/work.service" in changes(box)
    sh(box, "systemctl disable --now work && ! systemctl -q is-active work")
    assert box.processes() == ()


def test_systemctl_refuses_a_unit_that_does_not_exist(box):
    assert box.run(["systemctl", "start", "nosuch"]).code == 5
    assert box.run(["systemctl", "is-active", "nosuch"]).code == 3


def test_a_service_that_dies_has_failed(box):
    unit = "[Service]\\nExecStart=/bin/false\\n"
    sh(box, f"printf '{unit}' >/etc/systemd/system/dead.service; systemctl start dead")
    _wait_until(lambda: box.run(["systemctl", "is-active", "dead"]).stdout == b"failed\n")
    assert box.run(["systemctl", "is-failed", "dead"]).code == 0
    sh(box, "systemctl reset-failed dead")
    assert box.run(["systemctl", "is-active", "dead"]).stdout == b"inactive\n"


def test_a_reboot_is_written_down_not_done(box):
    sh(box, "reboot; shutdown -r +1; systemctl reboot")
    assert box.read("/run/vmpack/reboot").decode().splitlines() == [
        "reboot ",
        "shutdown -r +1",
        "systemctl reboot",
    ]


def test_files_are_written_and_read(box):
    box.write("/tmp/a file", b"bytes\0", 0o700)
    assert sh(box, "stat -c %a '/tmp/a file'") == "700\n"
    assert box.read("/tmp/a file") == b"bytes\0"
    assert box.read("/tmp/none") is None


def test_the_environment_is_exactly_what_is_given(box):
    done = box.run(["/usr/bin/env"], environment={"A": "b c"})
    assert done.stdout == b"A=b c\n"


def test_the_size_of_all_writes_is_bounded():
    with open_sandbox("root", size="2m") as box:
        assert box.run(["/bin/sh", "-c", "head -c 4000000 /dev/zero >/opt/big"]).code != 0


def test_nothing_is_left_after_leaving():
    with open_sandbox("root") as box:
        box.run(["/bin/sh", "-c", "setsid sleep 987 >/dev/null 2>&1 </dev/null &"])
        assert _running("987")
    _wait_until(lambda: not _running("987"))


@pytest.mark.slow
def test_nothing_is_left_after_vmpack_was_killed(tmp_path):
    script = textwrap.dedent("""
        import sys, time
        from vmpack.vm.sandbox import open_sandbox
        box = open_sandbox("root")
        box.run(["/bin/sh", "-c", "setsid sleep 654 >/dev/null 2>&1 </dev/null &"])
        print("up", flush=True)
        box.run(["/bin/sleep", "653"])
    """)
    mounts = Path("/proc/mounts").read_text()
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        _wait_until(lambda: _running("653"))
        process.send_signal(signal.SIGKILL)
    _wait_until(lambda: not _running("654") and not _running("653"))
    assert Path("/proc/mounts").read_text() == mounts


def _running(argument: str) -> bool:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if entry.read_bytes().endswith(f"sleep\0{argument}\0".encode()):
                return True
        except OSError:
            continue
    return False


def _wait_until(holds) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end, "did not happen within 10 s"
        time.sleep(0.02)
