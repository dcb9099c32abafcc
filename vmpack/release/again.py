"""A build that is asked for again while nothing that it reads and nothing that it wrote has changed.

The record of a build names every file and folder that it depended on, with the stamp that each had. While all of
them stand, the release that is there is the one that would be built: no manifest is checked, no template rendered,
no byte of the payload read. Whatever is in doubt is not recorded, and a record that does not fit is no record.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmpack import __version__, resources
from vmpack.atomic import write_whole
from vmpack.findings import Finding
from vmpack.release.built import Artifact, Built
from vmpack.stamps import MARGIN_NS, STAMP_SIZE, Stamp, newest_time, stamp_of, times
from vmpack.values import dataclass

if TYPE_CHECKING:
    from vmpack.content.model import Content
    from vmpack.manifest.model import Manifest

_MAGIC = b"vmpack build 2\n"
_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_LIBRARIES = ("click", "jinja2", "zstandard", "zlib_ng", "pathspec")
"""Their versions decide what a build does; installing another one changes the folder that they lie in."""
_EPOCH = "SOURCE_DATE_EPOCH"
_LATE_NS = 50 * 10**6
_CLOCK_REALTIME_COARSE = 5
"""The clock that the kernel takes file times from; Python has no name for it."""
_TICK_NS = 20 * 10**6
_MOST_SURROUNDINGS = 20_000


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything beside files that decides what a build does."""

    manifest: Path
    """As it was named: a file or its folder. Messages name it so."""
    dist: Path
    variables: Mapping[str, str]
    environment: Mapping[str, str]
    template_dirs: tuple[Path, ...]
    today: date


class Record:
    """What is known of one build, in a file below ``folder``."""

    def __init__(self, folder: Path, asked: Asked) -> None:
        self._asked = asked
        self._key = _key(asked)
        self._path = os.path.join(folder, _name(asked))
        self._began_ns = time.time_ns()

    def recall(self) -> Built | None:
        """Give the release that stands, if building would change nothing."""
        if self._key is None:
            return None
        try:
            with open(self._path, "rb", buffering=0) as file:
                data = file.read()
            os.utime(self._path)
            return _still_true(data, self._key)
        except (OSError, ValueError, LookupError, TypeError, AttributeError):  # damaged: no record
            return None

    def remember(self, built: Built, wanted: "Manifest", content: "Content") -> None:
        """Write down what the build that began when this object was made depended on, unless it is in doubt."""
        with contextlib.suppress(OSError):
            watched = self._watched(wanted, content)
            if self._key is None or watched is None:
                return
            outputs = _outputs(built.directory)
            if outputs is not None:
                os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
                parts = _packed(self._key, built, _absent(self._asked), outputs, _latest_first(watched))
                write_whole(self._path, *parts)

    def _watched(self, wanted: "Manifest", content: "Content") -> dict[str, Stamp] | None:
        """Give everything that was read, with stamps; None where a stamp proves nothing or a place is not known."""
        if not _is_watchable(wanted, self._asked):
            return None
        if not self._are_old([entry.stamp for entry in content.entries if entry.stamp]):
            return None  # most often the file that was just edited: nothing more need be looked at
        watched = dict(content.seen)
        watched.update(
            (f"{content.root}/{entry.path}", entry.stamp) for entry in content.entries if entry.stamp
        )
        # The manifest too: it might have changed between two readings of its text.
        places = [str(_manifest_file(self._asked).absolute()), *_surroundings(self._asked)]
        if wanted.config is not None:
            places.append(os.path.join(os.path.abspath(wanted.folder), wanted.config.file))
        watched.update((place, stamp_of(os.stat(place))) for place in places)
        ignored = _ignore_file(self._asked)
        is_known = ignored in watched or not os.path.lexists(ignored)
        return watched if is_known and self._are_old(watched.values()) else None

    def _are_old(self, stamps: Iterable[Stamp]) -> bool:
        """Tell whether all stamps are old enough to be trusted."""
        return newest_time(b"".join(stamps)) < self._began_ns - MARGIN_NS


def _name(asked: Asked) -> str:
    """Name the record; a build with another text of the same manifest replaces it."""
    places = [os.path.abspath(place) for place in (_manifest_file(asked), asked.dist)]
    return hashlib.sha256(repr([places, sorted(asked.variables.items())]).encode()).hexdigest()[:32]


def _key(asked: Asked) -> bytes | None:
    """Give the digest of all that was said; None where not all of it can be told from the text."""
    try:
        text = _manifest_file(asked).read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None
    if "\\u" in text:
        return None  # a reference to a variable may hide in it
    names = {name: asked.environment.get(name) for name in _REFERENCE.findall(text)}
    user = os.geteuid() if hasattr(os, "geteuid") else None
    places = [str(place) for place in (os.getcwd(), asked.manifest, asked.dist, *asked.template_dirs)]
    values = [sorted(asked.variables.items()), sorted(names.items()), asked.environment.get(_EPOCH)]
    said = [__version__, sys.version, sys.executable, user, str(asked.today), places, values, text]
    return hashlib.sha256(json.dumps(said).encode()).digest()


def _manifest_file(asked: Asked) -> Path:
    return asked.manifest / "vmapp.json" if asked.manifest.is_dir() else asked.manifest


def _ignore_file(asked: Asked) -> str:
    """Give the ignore file beside the manifest, which speaks of a payload below it too."""
    return os.path.join(os.path.abspath(_manifest_file(asked).parent), ".vmpackignore")


def _template_dirs(asked: Asked) -> tuple[Path, ...]:
    """Give the folders that win over the built-in templates: those given, and ``templates`` beside the manifest."""
    return (*asked.template_dirs, _manifest_file(asked).parent / "templates")


def _absent(asked: Asked) -> list[str]:
    """Name what a build looks for and did not find."""
    places = [_ignore_file(asked), *(os.path.abspath(folder) for folder in _template_dirs(asked))]
    return [place for place in places if not os.path.lexists(place)]


def _is_watchable(wanted: "Manifest", asked: Asked) -> bool:
    """Tell whether the installer's template lies where a change would be seen."""
    if wanted.installer is None:
        return True
    places = (*_template_dirs(asked), resources.templates())
    return any(place.joinpath(wanted.installer.template).is_dir() for place in places)


def _surroundings(asked: Asked) -> Iterator[str]:
    """Name vmpack's own files, those of its templates and schemas, and the folders of its libraries."""
    own = (str(Path(__file__).parents[1]), str(resources.templates()), str(resources.schemas()))
    count = 0
    for place in (*own, *map(os.path.abspath, _template_dirs(asked))):
        for folder, folders, names in os.walk(place):
            folders[:] = [name for name in folders if name != "__pycache__"]
            yield folder
            yield from (os.path.join(folder, name) for name in names)
            count += len(names)
            if count > _MOST_SURROUNDINGS:
                raise OSError("too much to watch")
    for name in _LIBRARIES:
        source = getattr(sys.modules.get(name), "__file__", None)
        if source:
            yield os.path.dirname(os.path.dirname(source))


def _latest_first(watched: Mapping[str, Stamp]) -> dict[str, Stamp]:
    """Order by time: what changed last is most often what changes next, and the first change ends the look."""
    order = sorted(zip(times(b"".join(watched.values())), watched, strict=True), reverse=True)
    return {place: watched[place] for _, place in order}


def _outputs(folder: Path) -> dict[str, Stamp] | None:
    """Give the release folder and its files, once the clock has moved on so that a later change shows."""
    places = [str(folder), *(item.path for item in os.scandir(folder))]
    while True:
        stamps = {place: stamp_of(os.stat(place)) for place in places}
        newest = newest_time(b"".join(stamps.values()))
        now = _file_clock()
        if newest > now + _LATE_NS or newest % 10**9 == 0:
            return None  # the file system has another clock, or one that counts whole seconds
        if newest < now:
            return stamps
        time.sleep(0.001)


def _file_clock() -> int:
    """Give the time that a file changed now would get at the earliest, in nanoseconds."""
    if os.name == "posix" and os.uname().sysname == "Linux":
        return time.clock_gettime_ns(_CLOCK_REALTIME_COARSE)
    return time.time_ns() - _TICK_NS


def _packed(
    key: bytes, built: Built, absent: list[str], outputs: Mapping[str, Stamp], watched: Mapping[str, Stamp]
) -> tuple[bytes, ...]:
    head = {
        "built": _document(built),
        "absent": absent,
        "outputs": {place: stamp.hex() for place, stamp in outputs.items()},
        "count": len(watched),
    }
    body = b"\0".join((json.dumps(head).encode(), os.fsencode("\0".join(watched)))) + b"".join(
        watched.values()
    )
    return _MAGIC, hashlib.sha256(key + body).digest(), body


def _still_true(data: bytes, key: bytes) -> Built | None:
    start = len(_MAGIC) + 32
    if not data.startswith(_MAGIC):
        return None
    text, _, rest = data[start:].partition(b"\0")
    head = json.loads(text)
    # Before anything that takes long: after a build that was not recorded the release is another one.
    for place, stamp in head["outputs"].items():
        if stamp_of(os.stat(place)).hex() != stamp:
            return None
    if data[:start] != _MAGIC + hashlib.sha256(key + data[start:]).digest():
        return None
    names, stamps = rest[: -STAMP_SIZE * head["count"]], rest[-STAMP_SIZE * head["count"] :]
    if any(map(os.path.lexists, head["absent"])):
        return None
    # Stamps one by one, so that the first change ends the look.
    places: Iterable[str] = os.fsdecode(names).split("\0")
    for at, place in enumerate(places):
        if stamp_of(os.stat(place)) != stamps[STAMP_SIZE * at : STAMP_SIZE * (at + 1)]:
            return None
    return _built(head["built"])


def _document(built: Built) -> dict[str, Any]:
    document: dict[str, Any] = {field.name: getattr(built, field.name) for field in dataclasses.fields(built)}
    document["directory"] = str(built.directory)
    for name in ("package", "config"):
        artifact: Artifact | None = document[name]
        document[name] = artifact and [artifact.file_name, artifact.size, artifact.sha256]
    document["warnings"] = [dataclasses.asdict(finding) for finding in built.warnings]
    return document


def _built(document: dict[str, Any]) -> Built:
    directory = Path(document["directory"])

    def artifact(fields: list[Any] | None) -> Artifact | None:
        return Artifact(directory / fields[0], *fields) if fields else None

    document["package"], document["config"] = artifact(document["package"]), artifact(document["config"])
    document["warnings"] = tuple(Finding(**finding) for finding in document["warnings"])
    return Built(**{**document, "directory": directory, "reused": document["segments"]})
