"""Publishing against upload_blob and az, in pairs, on servers of this machine; and the bytes of a second version.

    python benchmarks/publish.py speed [--size MB]... [--rounds N] [--whole] [--az PATH] [--client NAME]...
        [--server sink|network|azurite]...
    python benchmarks/publish.py delta PAYLOAD_FOLDER

Every row is a process of its own that writes into a container of its own. Rounds go through all rows in turn, each
round beginning with another, so that whatever else the machine does meets all alike. The server is the same for all
rows of a size, and every client has uploaded up to 64 MB to it before anything is measured. Only Azurite with large
blobs, which lie in its memory, is started for each row, and the row's client uploads 64 MB first. Prints Markdown.
"""

import argparse
import contextlib
import hashlib
import json
import math
import os
import pickle
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/publish")]

from publish_support import ACCOUNT, KEY, running_azurite, write_release  # noqa: E402 - found through the path above

_SHARED_AZURITE = 64 * 10**6
"""Bytes. Larger blobs get an Azurite for each row: deleted ones stay in its memory for minutes."""
_WARM = 2
"""Uploads of each client before anything is measured."""
RATIO = 2.5
"""Raw bytes for one byte of a package: what programs compress to, roughly."""
CLIENTS = {
    "vmpack": "vmpack publish",
    "default": "upload_blob, defaults",
    "c4b4": "upload_blob, 4 connections, 4 MiB",
    "c4b8": "upload_blob, 4 connections, 8 MiB",
    "c8b8": "upload_blob, 8 connections, 8 MiB",
    "default-md5": "upload_blob, defaults, MD5",
    "c4b4-md5": "upload_blob, 4 connections, 4 MiB, MD5",
    "c8b8-md5": "upload_blob, 8 connections, 8 MiB, MD5",
    "md5": "(MD5 alone, all cores, nothing sent)",
    "az": "az storage blob upload",
}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def server(kind: str, folder: Path) -> Iterator[str]:
    """Start a server and give the account's URL."""
    if kind == "azurite":
        with running_azurite(folder) as emulator:
            yield emulator.url
        return
    port = _free_port()
    pace = ["25", "30"] if kind == "network" else []
    process = subprocess.Popen([sys.executable, str(ROOT / "benchmarks/publish_sink.py"), str(port), *pace])
    try:
        time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/vmpacktest"
    finally:
        process.terminate()
        process.wait()


def make_release(folder: Path, size: int) -> Any:
    """Write a release of random blocks, of sizes around those that a build gives a package of this size."""
    from vmpack.package.frames import largest_segment, level_of
    from vmpack.package.segments import segment_size

    raw = int(size * RATIO)
    usual = int(segment_size(raw, largest_segment("tar.zst", level_of("tar.zst", None, raw))) / RATIO)
    source = random.Random(size)
    blocks = []
    while size > 0:
        blocks.append(os.urandom(min(size, source.randint(usual // 2, usual * 3 // 2))))
        size -= len(blocks[-1])
    return write_release(folder, blocks, name="bench", version="1.0.0")


def one(client: str, url: str, job: Path) -> None:
    """Upload once and print what it took; runs in a process of its own, with everything imported before."""
    release = pickle.loads(job.read_bytes())
    __import__("vmpack.publish.run" if client == "vmpack" else "azure.storage.blob")
    os.environ.pop("AZURE_STORAGE_CONNECTION_STRING", None)
    began, cpu = time.perf_counter(), time.process_time()
    if client == "vmpack":
        _vmpack(release, url)
    elif client == "md5":
        _md5_alone(release)
    else:
        _upload_blob(client, release, url)
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"wall": wall, "cpu": cpu, "memory": _peak_memory()}))


def _peak_memory() -> float:
    """Give this program's own peak in MiB; getrusage would count its parent's before exec."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _vmpack(release: Any, url: str) -> None:

    from vmpack.publish.credentials import SharedKey
    from vmpack.publish.destination import Destination
    from vmpack.publish.run import PublishOptions, publish

    key = SharedKey(ACCOUNT, KEY)
    published = publish(release, Destination(ACCOUNT, url, key, key), PublishOptions())
    assert published.tally.bytes_sent == release.package.size


def _md5_alone(release: Any) -> None:
    """Hash the bytes on every core and send nothing: what Content-MD5 costs before the first byte leaves."""
    descriptor = os.open(release.package.path, os.O_RDONLY)

    def digest(block: Any) -> bytes:
        return hashlib.md5(os.pread(descriptor, block.size, block.offset), usedforsecurity=False).digest()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(digest, release.blocks))
    os.close(descriptor)


def _upload_blob(client: str, release: Any, url: str) -> None:
    from azure.storage.blob import ContainerClient

    setting, _, checked = client.partition("-")
    options: dict[str, Any] = {"validate_content": "md5"} if checked else {}
    sizes: dict[str, Any] = {}
    if setting != "default":
        count, _, block = setting[1:].partition("b")
        options["max_concurrency"] = int(count)
        sizes = {"max_block_size": int(block) << 20, "max_single_put_size": int(block) << 20}
    with (
        ContainerClient.from_container_url(url, credential=KEY, **sizes) as container,
        release.package.path.open("rb") as file,
    ):
        container.upload_blob("bench/1.0.0/bench.tar", file, overwrite=True, **options)


def _az(path: str, url: str, release: Any) -> dict[str, float]:

    account, _, container = url.rpartition("/")
    text = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={account};"
    command = [
        path,
        "storage",
        "blob",
        "upload",
        "--overwrite",
        "--no-progress",
        "-o",
        "none",
        "-c",
        container,
    ]
    command += ["-f", str(release.package.path), "-n", "bench.tar", "--connection-string", text]
    began = time.perf_counter()
    subprocess.run(command, check=True, env={**os.environ, "AZURE_CORE_COLLECT_TELEMETRY": "no"})
    return {"wall": time.perf_counter() - began, "cpu": math.nan, "memory": math.nan}


def speed(arguments: argparse.Namespace) -> None:
    """Measure all clients in turn and print a table for each server and size."""
    wanted = arguments.client or list(CLIENTS)
    clients = [name for name in CLIENTS if name in {"vmpack", *wanted} and (name != "az" or arguments.az)]
    with tempfile.TemporaryDirectory(prefix="vmpack-bench-") as place:
        folder = Path(place)
        for kind in arguments.server:
            for megabytes in arguments.size:
                print(f"\n### {kind}, {megabytes} MB\n", flush=True)
                size = megabytes * 10**6
                _table(_rounds(clients, kind, folder, size, arguments), size)


def _rounds(
    clients: list[str], kind: str, folder: Path, size: int, arguments: argparse.Namespace
) -> dict[str, list[dict[str, float]]]:
    """Run all clients in turn, as often as asked."""
    release = make_release(folder / f"dist{size}", size)
    smaller = make_release(folder / f"dist{size}/warm", min(size, _SHARED_AZURITE))
    found: dict[str, list[dict[str, float]]] = {client: [] for client in clients}
    rows = [client for turn in range(arguments.rounds) for client in _rotated(clients, turn)]
    if kind == "azurite" and size > _SHARED_AZURITE:
        for client in rows:
            with server(kind, folder) as account:
                for _ in range(_WARM):
                    _row(client, account, smaller, arguments)
                found[client].append(_row(client, account, release, arguments))
    else:
        with server(kind, folder) as account:
            for client in clients * _WARM:
                _row(client, account, smaller, arguments)
            for client in rows:
                found[client].append(_row(client, account, release, arguments))
    shutil.rmtree(folder / f"dist{size}")
    return found


def _rotated(clients: list[str], turn: int) -> list[str]:
    return clients[turn % len(clients) :] + clients[: turn % len(clients)]


def _row(client: str, account: str, release: Any, arguments: argparse.Namespace) -> dict[str, float]:
    """Upload once into a container that is there for this alone."""
    url = f"{account}/bench{uuid.uuid4().hex}"
    with _container(url):
        if client == "az":
            return _az(arguments.az, url, release)
        with tempfile.NamedTemporaryFile(suffix=".job") as job:
            job.write(pickle.dumps(release))
            job.flush()
            command = [sys.executable, __file__, "one", client, url, job.name]
            if arguments.whole and client == "vmpack":
                command = [sys.executable, "-m", "vmpack", "-q", "publish", str(release.directory)]
                command += ["--container", url, "--json"]
            environment = {**os.environ, "AZURE_STORAGE_KEY": KEY, "PYTHONPATH": str(ROOT)}
            began = time.perf_counter()
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
            wall = time.perf_counter() - began
        if arguments.whole:
            return {"wall": wall, "cpu": math.nan, "memory": math.nan}
        return dict(json.loads(done.stdout))


@contextlib.contextmanager
def _container(url: str) -> Iterator[None]:
    from azure.storage.blob import ContainerClient

    with ContainerClient.from_container_url(url, credential=KEY) as container:
        container.create_container()
        yield
        container.delete_container()


def _table(found: dict[str, list[dict[str, float]]], size: int) -> None:
    print("| client | MB/s | wall s | CPU s | memory MiB | slower than vmpack by |")
    print("|---|---:|---:|---:|---:|---:|")
    ours = [run["wall"] for run in found["vmpack"]]
    for client, runs in found.items():
        wall, cpu, memory = (statistics.median(run[key] for run in runs) for key in ("wall", "cpu", "memory"))
        ratio = statistics.median(run["wall"] / own for run, own in zip(runs, ours, strict=True))
        print(
            f"| {CLIENTS[client]} | {size / wall / 1e6:.0f} | {wall:.2f} | {cpu:.2f} | {memory:.0f} | {ratio:.2f} |"
        )


def delta(arguments: argparse.Namespace) -> None:
    """Build versions of a payload and print what publishing each beside the first one sends."""
    with tempfile.TemporaryDirectory(prefix="vmpack-bench-") as place:
        folder = Path(place)
        with server("azurite", folder) as account, _container(f"{account}/delta"):
            print("| version | package | sent | share | blocks sent | seconds |")
            print("|---|---:|---:|---:|---:|---:|")
            for patch, (label, change) in enumerate(_changes()):
                payload = folder / "payload"
                shutil.rmtree(payload, ignore_errors=True)
                shutil.copytree(arguments.payload, payload, symlinks=True)
                change(payload)
                _delta_row(label, folder, f"{account}/delta", patch)


def _changes() -> list[tuple[str, Any]]:
    return [
        ("first version", lambda _folder: None),
        ("nothing changed", lambda _folder: None),
        ("one file of 1 % changed", lambda folder: _rewrite(_file_of(folder, 0.01))),
        ("one file added", lambda folder: (folder / "added.bin").write_bytes(os.urandom(100_000))),
        ("one file removed", lambda folder: _file_of(folder, 0.01).unlink()),
        ("everything changed", lambda folder: [_rewrite(path) for path in _files(folder)]),
    ]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _file_of(folder: Path, share: float) -> Path:
    """Find the file whose size is nearest to a share of all."""
    files = _files(folder)
    wanted = share * sum(path.stat().st_size for path in files)
    return min(files, key=lambda path: abs(path.stat().st_size - wanted))


def _rewrite(path: Path) -> None:
    """Change every byte, but compress as before."""
    path.write_bytes(path.read_bytes().translate(bytes(byte ^ 0x55 for byte in range(256))))


def _delta_row(label: str, folder: Path, url: str, patch: int) -> None:

    manifest = {
        "name": "bench",
        "version": f"1.0.{patch}",
        "os": "linux",
        "location": "westeurope",
        "payload": {"root": "payload"},
        "installer": {"template": "archive", "params": {"destination": "/opt/bench"}},
    }
    (folder / "vmapp.json").write_text(json.dumps(manifest))
    run = [sys.executable, "-m", "vmpack"]
    environment = {**os.environ, "AZURE_STORAGE_KEY": KEY, "PYTHONPATH": str(ROOT)}
    build = [*run, "-q", "build", str(folder), "-o", str(folder / "dist"), "--no-cache"]
    subprocess.run(build, check=True, env=environment, stdout=subprocess.DEVNULL)
    began = time.perf_counter()
    publish = [*run, "publish", str(folder / f"dist/bench/1.0.{patch}"), "--container", url, "--json"]
    done = subprocess.run(
        publish, check=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    seconds = time.perf_counter() - began
    found = json.loads(done.stdout)
    total, sent = found["bytes"]["total"], found["bytes"]["sent"]
    share = f"{100 * sent / total:.2f} %"
    blocks = f"{found['blocks']['sent']} of {found['blocks']['total']}"
    print(
        f"| {label} | {total / 1e6:.1f} MB | {sent / 1e6:.2f} MB | {share} | {blocks} | {seconds:.1f} |",
        flush=True,
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    measure = commands.add_parser("speed")
    measure.add_argument("--size", type=int, action="append")
    measure.add_argument("--rounds", type=int, default=5)
    measure.add_argument("--server", action="append")
    measure.add_argument("--client", action="append", choices=list(CLIENTS))
    measure.add_argument("--whole", action="store_true", help="measure whole programs, from start to end")
    measure.add_argument("--az", help="the az program, to measure it too")
    measure.set_defaults(run=speed)
    single = commands.add_parser("one")
    single.add_argument("client")
    single.add_argument("url")
    single.add_argument("job", type=Path)
    single.set_defaults(run=lambda given: one(given.client, given.url, given.job))
    versions = commands.add_parser("delta")
    versions.add_argument("payload", type=Path)
    versions.set_defaults(run=delta)
    given = parser.parse_args()
    if given.run is speed:
        given.size = given.size or [8, 64, 256, 1000]
        given.server = given.server or ["sink", "network", "azurite"]
    given.run(given)


if __name__ == "__main__":
    main()
