import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from vmpack.installer.model import Commands
from vmpack.manifest.model import Check, PublishDefaults
from vmpack.release.model import Artifact, Release
from vmpack.vm.sandbox import Sandbox, check, open_sandbox

ROOT = check("root")

PAYLOAD = {"bin/hello": b"#!/bin/sh\necho hello\n", "share/table": bytes(range(256)) * 400}
PLACE = (
    "rm -rf unpacked /opt/hello.new && mkdir unpacked && tar -xf hello.tar -C unpacked && "
    "install -d -m 0755 /opt/hello.new /opt/hello.new/bin /opt/hello.new/share && "
    "install -m 0755 unpacked/bin/hello /opt/hello.new/bin/hello && "
    "install -m 0644 unpacked/share/table /opt/hello.new/share/table && "
    "rm -rf /opt/hello && mv /opt/hello.new /opt/hello"
)
CHECKED = '[ -s hello.tar ] && echo "@SHA256@  hello.tar" | sha256sum -c --quiet - && '
REMOVE = "rm -rf /opt/hello /opt/hello.new"
HEALTH = (Check("it greets", 'test "$(/opt/hello/bin/hello)" = hello'),)

MakeRelease = Callable[..., Release]


@pytest.fixture
def root() -> None:
    """Ask for the root sandbox; skips visibly where it cannot be had."""
    if not ROOT.works:
        pytest.skip(f"the root sandbox does not work here: {ROOT.reason}")


@pytest.fixture
def box(root: None) -> Iterator[Sandbox]:
    """A fresh root sandbox."""
    with open_sandbox("root") as sandbox:
        yield sandbox


@pytest.fixture
def make_release(tmp_path: Path) -> MakeRelease:
    """Make releases by hand: verbatim commands, a plain tar. ``@SHA256@`` in a command is the package's digest."""

    def make(
        install: str = CHECKED + PLACE,
        update: str | None = CHECKED + PLACE,
        remove: str = REMOVE,
        *,
        version: str = "1.2.0",
        files: Mapping[str, bytes] = PAYLOAD,
        checks: tuple[Check, ...] = HEALTH,
        config: bytes | None = None,
        reboot_behavior: str = "None",
        retains: tuple[str, ...] = (),
    ) -> Release:
        folder = tmp_path / version
        folder.mkdir()
        package = _artifact(folder / "hello.tar", _tar(files))

        def baked(command: str) -> str:
            return command.replace("@SHA256@", package.sha256)

        return Release(
            directory=folder,
            name="hello",
            version=version,
            os="linux",
            package=package,
            config=None if config is None else _artifact(folder / "hello.json", config),
            template=None,
            commands=Commands(baked(install), baked(remove), None if update is None else baked(update)),
            blocks=(),
            parcels=(),
            segments=1,
            reboot_behavior=reboot_behavior,  # type: ignore[arg-type]
            checks=checks,
            retains=retains,
            publish=PublishDefaults(),
            version_resource={},
        )

    return make


def _artifact(path: Path, data: bytes) -> Artifact:
    path.write_bytes(data)
    return Artifact(path, path.name, len(data), hashlib.sha256(data).hexdigest())


def _tar(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()
