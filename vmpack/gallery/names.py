"""Rules about names: of the version, of the application, of the files on the VM."""

import re
from collections.abc import Iterator

from vmpack.gallery.rule import Breach, Circumstances, PlatformRule
from vmpack.manifest.model import Manifest
from vmpack.manifest.rules import Rule
from vmpack.types import Pointer

_VERSION = r"([0-9]+)\.([0-9]+)\.([0-9]+)"
_NAME = r"[A-Za-z0-9._-]+"
_RESERVED = r"(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?"
_AGENT_FILES = ("stdout", "stderr")
_RELEASE_FILES = ("version.json", "build.json", "publish.json", "sha256sums")


def _version_format(manifest: Manifest, facts: Circumstances) -> Iterator[Breach]:
    match = re.fullmatch(_VERSION, manifest.version)
    # int() of a very long digit string is refused by Python; eleven digits are out of range already.
    if not match or any(len(part) > 10 or int(part) > facts.limits.version_part for part in match.groups()):
        yield Breach(("version",))


def _version_zeros(manifest: Manifest, _: Circumstances) -> Iterator[Breach]:
    match = re.fullmatch(_VERSION, manifest.version)
    if match and any(len(part) > 1 and part.startswith("0") for part in match.groups()):
        plain = ".".join(part.lstrip("0") or "0" for part in match.groups())
        yield Breach(("version",), {"version": manifest.version, "plain": plain})


def _application_name(manifest: Manifest, _: Circumstances) -> Iterator[Breach]:
    name = manifest.name
    if not re.fullmatch(_NAME, name):
        yield Breach(("name",), {"reason": "only letters, digits, dot, underscore and hyphen are allowed"})
    elif name.endswith("."):
        yield Breach(("name",), {"reason": "it must not end with a dot"})
    elif manifest.os == "windows" and re.fullmatch(_RESERVED, name):
        yield Breach(
            ("name",), {"reason": "Windows keeps it for a device, and the agent makes a folder of it"}
        )


def _application_name_length(manifest: Manifest, facts: Circumstances) -> Iterator[Breach]:
    if len(manifest.name) > facts.limits.name_length:
        yield Breach(("name",), {"length": len(manifest.name), "limit": facts.limits.name_length})


def _file_names(manifest: Manifest, facts: Circumstances) -> Iterator[Breach]:
    for name, pointer in _given_file_names(manifest):
        if reason := _file_name_fault(name, facts.limits.file_name_bytes):
            yield Breach(pointer, {"reason": reason})


def _given_file_names(manifest: Manifest) -> Iterator[tuple[str, Pointer]]:
    derived = "packageFileName" not in manifest.document
    if not derived or (manifest.payload.format == "none" and manifest.package_file_name):
        # A derived name is as good as the application's, which has a rule of its own.
        yield manifest.package_file_name, ("packageFileName",) if not derived else ("payload",)
    if manifest.config:
        yield manifest.config.file_name, _config_pointer(manifest)


def _config_pointer(manifest: Manifest) -> Pointer:
    given = manifest.document.get("config")
    return ("config", "fileName" if isinstance(given, dict) and "fileName" in given else "file")


def _file_name_fault(name: str, longest: int) -> str:
    if name.casefold() in _AGENT_FILES:
        return f"the agent writes the command's {name.casefold()} to a file of this name and would empty it"
    if name.casefold() in _RELEASE_FILES:
        return "the release folder has a report of this name"
    if not re.fullmatch(_NAME, name):
        return "only letters, digits, dot, underscore and hyphen are allowed"
    if name.startswith("-"):
        return "programs take a leading hyphen for an option"
    if name.endswith("."):
        return "it must not end with a dot"
    if re.fullmatch(_RESERVED, name):
        return "Windows keeps it for a device"
    return f"it is longer than {longest} bytes" if len(name) > longest else ""


def _same_file_names(manifest: Manifest, _: Circumstances) -> Iterator[Breach]:
    if manifest.config and manifest.config.file_name.casefold() == manifest.package_file_name.casefold():
        yield Breach(_config_pointer(manifest), {"name": manifest.package_file_name})


RULES = (
    PlatformRule(
        Rule(
            "gallery-version",
            "The gallery application version name is invalid. The application version name should follow"
            " Major(int32).Minor(int32).Patch(int32) format, where int is between 0 and 2,147,483,647 (inclusive)."
            " e.g. 1.0.0, 2018.12.1 etc.",
            "Give three numbers joined by dots; labels such as -rc1 are not possible.",
        ),
        _version_format,
    ),
    PlatformRule(
        Rule(
            "gallery-version-zeros",
            "the version {version} has leading zeros, and the agent compares numbers: {version} and {plain} are one",
            "Write {plain}.",
            "warning",
        ),
        _version_zeros,
    ),
    PlatformRule(
        Rule(
            "gallery-application-name",
            "the gallery refuses this application name: {reason}",
            "Use letters, digits, dot, underscore and hyphen, and another sign than a dot at the end.",
        ),
        _application_name,
    ),
    PlatformRule(
        Rule(
            "gallery-application-name-length",
            "the application name has {length} characters, the REST interface allows {limit}",
            "Shorten it; 117 is what the overview says, but the interface and Terraform refuse more than {limit}.",
        ),
        _application_name_length,
    ),
)

FILE_RULES = (
    PlatformRule(
        Rule(
            "gallery-file-name",
            "this cannot be the name of a file on the VM: {reason}",
            "Choose a plain name such as hello.tar; the agent joins it to its folder as it is.",
        ),
        _file_names,
    ),
    PlatformRule(
        Rule(
            "gallery-file-names-equal",
            "package and config would both be named {name}, and the agent would overwrite the package by the config",
            "Give config.fileName or packageFileName another name.",
        ),
        _same_file_names,
    ),
)
