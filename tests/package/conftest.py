"""Shared by the tests of the package room: a payload in a folder becomes a package in one call."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vmpack.content import collect
from vmpack.content.model import Content
from vmpack.manifest.model import Payload
from vmpack.package import write_package
from vmpack.package.cache import SegmentCache
from vmpack.package.model import Member, PackageRequest, WrittenPackage

MEMBERS = (
    Member("vmapp.json", b'{"name": "demo", "version": "1.0.0"}\n'),
    Member("lifecycle/install.sh", b"#!/bin/sh\nexit 0\n", 0o755),
)

Pack = Callable[..., WrittenPackage]


def collected(folder: Path, form: str) -> Content:
    """List a whole folder."""
    return collect(Payload(root=str(folder)), folder, "windows" if form == "zip" else "linux")


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Give ``pack(folder, format, out=…, cache=…, …)``; without ``out`` the package is ``tmp_path/out.FORMAT``."""

    def run(folder: Path, form: str = "tar.zst", **options: Any) -> WrittenPackage:
        out = options.pop("out", tmp_path / f"out.{form}")
        out.unlink(missing_ok=True)
        request = PackageRequest(
            os="windows" if form == "zip" else "linux",
            format=form,  # type: ignore[arg-type]
            level=options.pop("level", None),
            content=options.pop("content", None) or collected(folder, form),
            members=options.pop("members", MEMBERS),
            mtime=options.pop("mtime", 315532800),
            limit=options.pop("limit", 1 << 30),
        )
        return write_package(request, out, **options)

    return run


@pytest.fixture
def cache(tmp_path: Path) -> SegmentCache:
    """Give an empty build cache."""
    return SegmentCache.open(tmp_path / "cache")


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    """Give a small payload with every kind of entry that is awkward to pack."""
    root = tmp_path / "payload"
    files = {
        "bin/run": b"#!/bin/sh\n",
        "empty": b"",
        "exactly-a-block": b"x" * 512,
        "one-more": b"y" * 513,
        "odd name = #1 \\ *?[x].txt": b"odd",
        "caf\u00e9/na\u00efve/\U0001f600": b"unicode",
        f"{'long/' * 30}{'n' * 200}": b"long",
        f"a{'b' * 98}": b"99",
        f"a{'b' * 99}": b"100",
        f"a{'b' * 100}": b"101",
        "bulk": os.urandom(100_000) + bytes(100_000),
    }
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / "bin" / "run").chmod(0o755)
    (root / "empty-folder").mkdir()
    (root / "link").symlink_to("bin/run")
    (root / "long-link").symlink_to(f"{'long/' * 30}{'n' * 200}")
    (root / "dangling").symlink_to("caf\u00e9/missing")
    return root


@pytest.fixture
def windows_payload(tmp_path: Path) -> Path:
    """Give a small payload that Windows can hold."""
    root = tmp_path / "payload"
    files = {
        "app/setup.exe": os.urandom(50_000),
        "readme.txt": b"hello " * 5000,
        "empty": b"",
        "b\u00e4r": b"x",
    }
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / "logs").mkdir()
    return root


@pytest.fixture(scope="session")
def many_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give some 30 MB in a few hundred files of text-like content, enough for several segments."""
    root = tmp_path_factory.mktemp("many")
    words = [f"word{number * 7919 % 10007} ".encode() for number in range(10007)]
    for number in range(300):
        path = root / f"d{number % 7}" / f"file{number}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"".join(words[number * 13 % 5000 :])[: 100_000 + number])
    return root
