"""Ctrl-C in the middle, and how much memory a publish takes."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from faultproxy import FaultProxy, Seen
from publish_support import QUICK_OPTIONS, Emulator, chunks, fresh_container, write_release

from vmpack.publish.run import publish

pytestmark = [pytest.mark.azurite, pytest.mark.slow]


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to a child")
def test_ctrl_c_ends_at_once_and_the_next_run_resumes(azurite: Emulator, tmp_path: Path) -> None:
    release = write_release(tmp_path, chunks(1, 60, 4000), name="hello", version="1.0.0")
    stalled = threading.Event()
    blocks = []

    def decide(seen: Seen) -> str | None:
        if seen.kind != "block":
            return None
        blocks.append(seen)
        if len(blocks) < 5:
            return None
        stalled.set()
        return "stall"

    with FaultProxy(azurite.port).running() as proxy:
        direct = fresh_container(azurite.url)
        through = direct.url.replace(f":{azurite.port}/", f":{proxy.port}/")
        proxy.decide = decide
        command = [sys.executable, "-m", "vmpack", "publish", str(release.directory), "--container", through]
        command += ["--connections", "3"]
        environment = {**os.environ, "AZURE_STORAGE_CONNECTION_STRING": azurite.connection_string}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        assert stalled.wait(30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err.decode()
    assert out == b""
    assert b"Traceback" not in err
    arrived = sum(seen.body for seen in blocks if seen.reached == 201)
    published = publish(release, replace(direct), QUICK_OPTIONS)
    assert 0 < arrived <= published.tally.bytes_total - published.tally.bytes_sent


_PEAK = """
import pickle, sys
from vmpack.publish.run import PublishOptions, publish
release, destination = pickle.load(open(sys.argv[1], "rb"))
publish(release, destination, PublishOptions())
print(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads the peak from /proc")
def test_memory_stays_bounded_whatever_the_size(azurite: Emulator, tmp_path: Path) -> None:
    """All connections with the largest blocks there are: 150 MB resident at most."""
    import pickle

    release = write_release(tmp_path, [os.urandom(8 << 20) for _ in range(24)], name="large", version="1.0.0")
    job = tmp_path / "job"
    job.write_bytes(pickle.dumps((release, fresh_container(azurite.url))))
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, str(job)], capture_output=True, check=True, timeout=120
    )
    assert int(done.stdout) * 1024 <= 150_000_000
