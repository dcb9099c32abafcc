"""``build.json``: the versioned report that stands in a release folder, written and read back.

It holds nothing of the build host and no time, so a release folder is byte for byte reproducible as a whole.
"""

import json
from pathlib import Path
from typing import Any, TypeVar

from vmpack import __version__
from vmpack.errors import VerificationError
from vmpack.installer.model import Commands
from vmpack.manifest.model import Check, PublishDefaults
from vmpack.package.model import Block, Parcel
from vmpack.release.model import Artifact, Release
from vmpack.types import JSONValue

Word = TypeVar("Word", bound=str)

SCHEMA_VERSION = 1
BUILD_REPORT = "build.json"
VERSION_RESOURCE = "version.json"
CHECKSUMS = "SHA256SUMS"


def to_json(document: object) -> bytes:
    """Give a document as the bytes of a release's JSON file: UTF-8, two spaces, one newline at the end."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _artifact(artifact: Artifact | None) -> dict[str, JSONValue] | None:
    if artifact is None:
        return None
    return {"fileName": artifact.file_name, "size": artifact.size, "sha256": artifact.sha256}


def build_report(release: Release) -> dict[str, object]:
    """Give the content of ``build.json``; sizes and offsets in bytes."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "tool": {"name": "vmpack", "version": __version__},
        "name": release.name,
        "version": release.version,
        "os": release.os,
        "package": _artifact(release.package),
        "config": _artifact(release.config),
        "template": release.template,
        "commands": release.commands.as_json(),
        "scriptBehaviorAfterReboot": release.reboot_behavior,
        "segments": {"total": release.segments},
        "tests": [{"name": c.name, "run": c.run, "timeoutSeconds": c.timeout} for c in release.checks],
        "retains": list(release.retains),
        "publish": {
            "account": release.publish.account,
            "container": release.publish.container,
            "sasExpiry": release.publish.sas_expiry,
        },
        "blocks": [{"offset": b.offset, "size": b.size, "sha256": b.sha256} for b in release.blocks],
        "parcels": [{"offset": p.offset, "size": p.size, "md5": p.md5} for p in release.parcels],
    }


def load(directory: Path) -> Release:
    """Read a release folder back.

    Raises VerificationError when the folder, a file of it, or the shape of a file is not what ``build`` writes.
    Digests are not checked here; ``verify`` does that.
    """
    directory = directory.absolute()
    report = _read_json(directory / BUILD_REPORT)
    resource = _read_json(directory / VERSION_RESOURCE)
    if report.get("schemaVersion") != SCHEMA_VERSION:
        raise VerificationError(
            f"this release was written with report version {report.get('schemaVersion')!r}",
            why=f"This vmpack reads version {SCHEMA_VERSION}.",
            remedy="Build it again, or use the vmpack that built it.",
            where=directory / BUILD_REPORT,
        )
    try:
        return _release(directory, report, resource)
    except (KeyError, TypeError, ValueError) as error:
        raise VerificationError(
            f"the report lacks or mistypes {error}",
            remedy="Build the release again.",
            where=directory / BUILD_REPORT,
        ) from error


def _release(directory: Path, report: dict[str, Any], resource: dict[str, Any]) -> Release:
    commands = report["commands"]
    publish = report["publish"]
    return Release(
        directory=directory,
        name=_text(report["name"]),
        version=_text(report["version"]),
        os=_one_of(report["os"], "linux", "windows"),
        package=_read_artifact(directory, report["package"]),
        config=_read_artifact(directory, report["config"]) if report["config"] else None,
        template=_optional(report["template"]),
        commands=Commands(
            _text(commands["install"]), _text(commands["remove"]), _optional(commands["update"])
        ),
        blocks=tuple(Block(int(b["offset"]), int(b["size"]), _text(b["sha256"])) for b in report["blocks"]),
        parcels=tuple(
            Parcel(int(p["offset"]), int(p["size"]), _md5(p["md5"])) for p in report.get("parcels", ())
        ),
        segments=int(report["segments"]["total"]),
        reboot_behavior=_one_of(report["scriptBehaviorAfterReboot"], "None", "Rerun"),
        checks=tuple(
            Check(_text(c["name"]), _text(c["run"]), int(c["timeoutSeconds"])) for c in report["tests"]
        ),
        retains=tuple(_text(path) for path in report["retains"]),
        publish=PublishDefaults(
            _optional(publish["account"]), _optional(publish["container"]), _text(publish["sasExpiry"])
        ),
        version_resource=resource,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text expected, found {type(value).__name__}")
    return value


def _md5(value: object) -> str:
    if len(bytes.fromhex(_text(value))) != 16:
        raise ValueError(f"an MD5 in hex, found {value!r}")
    return _text(value)


def _optional(value: object) -> str | None:
    return None if value is None else _text(value)


def _one_of(value: object, *allowed: Word) -> Word:
    for word in allowed:
        if word == value:
            return word
    raise ValueError(f"one of {', '.join(allowed)}, found {value!r}")


def _read_artifact(directory: Path, document: dict[str, Any]) -> Artifact:
    name = _text(document["fileName"])
    if name != Path(name).name or name in (".", "..") or "\0" in name:
        raise ValueError(f"a plain file name, found {name!r}")
    return Artifact(directory / name, name, int(document["size"]), _text(document["sha256"]))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
        to_json(document)  # an escape may hide half a surrogate pair, which nothing can write again
    except (FileNotFoundError, NotADirectoryError):
        raise VerificationError(
            f"no release here: {path.name} is missing",
            remedy="Name a folder that `vmpack build` made, such as dist/NAME/VERSION.",
            where=path.parent,
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise VerificationError(
            f"cannot be read: {error}", remedy="Build the release again.", where=path
        ) from error
    if not isinstance(document, dict):
        raise VerificationError("is not a JSON object", remedy="Build the release again.", where=path)
    return document
