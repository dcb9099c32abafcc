"""Scripts that were rendered before: importing and running Jinja takes longer than packing a small change.

They are remembered under a digest of everything that decides them: the template's files, the shared library, the code
of this room, the names that a template may speak of. What no file of the template mentions does not count, so a
payload that grows by a line keeps its scripts.
"""

import hashlib
import importlib.util
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from vmpack import __version__, resources
from vmpack.installer.discovery import LIBRARY, Template, find
from vmpack.installer.model import Lifecycle, PayloadFacts, Script
from vmpack.installer.names import names
from vmpack.installer.params import completed, search_path
from vmpack.manifest.model import Manifest
from vmpack.stamps import stamp_of

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_VERSION = "vmpack scripts 1"
_EXACT = re.compile(rb"\bpayload\b(?!\.(?:archive|format|kilobytes)\b)")
"""A template that speaks of the payload's exact size or number of files."""
_READS_OTHERS = re.compile(rb"\{%[-+]?\s*(?:include|import|from|extends)\b")


class Memory(Protocol):
    """Where bytes are kept under a digest; either way may fail silently."""

    def get(self, key: bytes) -> bytes | None:
        """Give what was kept, if it is still there and whole."""

    def put(self, key: bytes, data: bytes) -> None:
        """Keep bytes."""


def render(
    manifest: Manifest, facts: PayloadFacts, memory: Memory, *, template_dirs: Sequence[Path] = ()
) -> Lifecycle:
    """Do as ``rendering.render`` does, or give what it gave before for the same template, names and code."""
    if manifest.installer is None:
        return _rendered(manifest, facts, template_dirs)
    template = find(manifest.installer.template, search_path(manifest, template_dirs))
    key = _key(template, manifest, facts)
    kept = memory.get(key)
    if kept is not None:
        return _unpacked(json.loads(kept))
    lifecycle = _rendered(manifest, facts, template_dirs)
    memory.put(key, json.dumps(_packed(lifecycle)).encode())
    return lifecycle


def _rendered(manifest: Manifest, facts: PayloadFacts, template_dirs: Sequence[Path]) -> Lifecycle:
    from vmpack.installer.rendering import render

    return render(manifest, facts, template_dirs=template_dirs)


def _key(template: Template, manifest: Manifest, facts: PayloadFacts) -> bytes:
    texts = list(_texts(template, manifest))
    spoken = names(manifest, facts, completed(manifest, template))
    if not any(_EXACT.search(text) for name, text in texts if name.endswith(".j2")):
        del spoken["payload"]["files"], spoken["payload"]["size"]
    jinja = importlib.util.find_spec("jinja2")
    sources = [*Path(__file__).parent.glob("*.py"), *([Path(jinja.origin)] if jinja and jinja.origin else [])]
    code = sorted((str(path), stamp_of(path.stat()).hex()) for path in sources)
    digest = hashlib.sha256(json.dumps([_VERSION, __version__, code, template.name, spoken]).encode())
    for name, text in texts:
        digest.update(b"%s %d\n" % (name.encode(), len(text)))
        digest.update(text)
    return digest.digest()


def _texts(template: Template, manifest: Manifest) -> Iterator[tuple[str, bytes]]:
    """Give every file that rendering may read: what lies deeper only if a template reads others by itself."""
    library = resources.templates().joinpath(LIBRARY)
    flat = [
        *_files(template.root),
        *_files(template.root.joinpath(manifest.os)),
        *_files(library.joinpath(manifest.os)),
    ]
    yield from flat
    if any(_READS_OTHERS.search(text) for name, text in flat if name.endswith(".j2")):
        yield from _files(template.root, deep=True)
        yield from _files(library, deep=True)


def _files(folder: "Traversable", *, deep: bool = False, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_file():
            yield prefix + item.name, item.read_bytes()
        elif deep and item.is_dir():
            yield from _files(item, deep=True, prefix=f"{prefix}{item.name}/")


def _packed(lifecycle: Lifecycle) -> dict[str, Any]:
    return {
        "template": lifecycle.template,
        "params": lifecycle.params,
        "scripts": [[each.name, each.data.decode("latin-1"), each.mode] for each in lifecycle.scripts],
        "retains": lifecycle.retains,
    }


def _unpacked(kept: dict[str, Any]) -> Lifecycle:
    scripts = tuple(Script(name, data.encode("latin-1"), mode) for name, data, mode in kept["scripts"])
    return Lifecycle(kept["template"], kept["params"], scripts, tuple(kept["retains"]))
