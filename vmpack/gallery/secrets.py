"""The rule that keeps secrets out of what is stored and logged in clear text."""

from collections.abc import Iterator, Mapping

from vmpack.findings import Finding
from vmpack.gallery.rule import Breach, Circumstances, PlatformRule
from vmpack.manifest.model import Manifest
from vmpack.manifest.rules import Rule
from vmpack.manifest.secrets import PASSWORD, find, is_literal, names_a_secret
from vmpack.types import JSONValue, Pointer

# Elsewhere "password: see the handbook" is prose.
_COMMAND_LIKE = ("actions", "installer", "tests", "publish")


def _manifest_secrets(manifest: Manifest, _: Circumstances) -> Iterator[Breach]:
    for pointer, text in _strings(manifest.document, ()):
        if kind := _kind(pointer, text):
            yield Breach(pointer, {"kind": kind}, hide=True)


def _strings(value: JSONValue, pointer: Pointer) -> Iterator[tuple[Pointer, str]]:
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _strings(item, (*pointer, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _strings(item, (*pointer, index))


def _kind(pointer: Pointer, text: str) -> str:
    command_like = pointer[:1] and pointer[0] in _COMMAND_LIKE
    for secret in find(text):
        if command_like or secret.kind != PASSWORD:
            return secret.kind
    if pointer == ("publish", "container") and "?" in text:
        # However short or odd it is: a container's URL has no query but its signature.
        return "a SAS signature"
    named = [step for step in pointer if isinstance(step, str)]
    if pointer[0] == "installer" and names_a_secret(named[-1]) and is_literal(text):
        return PASSWORD
    return ""


_REMEDY = (
    "Take it out, and renew it if this file was ever shared. Fetch secrets on the VM, with its managed identity,"
    " from a key vault."
)

MANIFEST_SECRET = Rule(
    "gallery-secret",
    "this looks like {kind}; commands and defaults are stored in the gallery, and written in clear text to the"
    " agent's log and status",
    _REMEDY,
)
CONFIG_SECRET = Rule(
    "gallery-config-secret",
    "line {line} of the config file looks like {kind}; everybody who can read the version can read its config",
    _REMEDY,
)
RULES = (PlatformRule(MANIFEST_SECRET, _manifest_secrets),)


def check_config(path: str, text: str) -> tuple[Finding, ...]:
    """Look for secrets in the text of a default config file; the findings never hold the secret."""
    lines = {text.count("\n", 0, secret.start) + 1: secret.kind for secret in find(text)}
    return tuple(
        Finding(
            CONFIG_SECRET.id,
            CONFIG_SECRET.severity,
            CONFIG_SECRET.message.format(line=line, kind=kind),
            CONFIG_SECRET.remedy,
            path,
            line,
            1,
        )
        for line, kind in sorted(lines.items())
    )
