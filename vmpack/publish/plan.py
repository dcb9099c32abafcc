"""From what a file is made of and what storage has, to one step for each block. Pure."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from vmpack.publish.blocks import block_id, key, parts_of
from vmpack.publish.model import Group, Inventory, Part, PartKey, PublishPlan, RemoteBlock, SourceBlob, Step


def plan(groups: Sequence[Group], there: Inventory) -> PublishPlan:
    """Decide for each part whether it is there already, can be copied beside it, or must be sent.

    What an interrupted run left behind comes first because it costs nothing; then ranges of older versions of the
    application, which cost a request but no bytes from here. Neighbours of one kind in a group share a block, and a
    copied block is one range of one older blob.
    """
    usable = () if there.foreign else there.staged
    steps = list(_staged([part for group in groups for part in group.parts], usable))
    taken = {part.offset for step in steps for part in step.parts}
    origins = _origins(there.sources)
    for group in groups:
        rest = [(part, _origin(part, origins)) for part in group.parts if part.offset not in taken]
        steps.extend(_step(run, group) for run in _runs(rest))
    ordered = sorted(steps, key=lambda step: step.offset)
    return PublishPlan(tuple(_without_repeats(ordered)), clear=bool(there.foreign), notes=there.notes)


def _staged(parts: Sequence[Part], blocks: Sequence[RemoteBlock]) -> Iterator[Step]:
    """Find the stretches of the file that uncommitted blocks hold."""
    named: dict[PartKey, list[tuple[tuple[PartKey, ...], RemoteBlock]]] = {}
    for block in blocks:
        keys = parts_of(block)
        if keys:
            named.setdefault(keys[0], []).append((keys, block))
    wanted = [key(part) for part in parts]
    at = 0
    while at < len(parts):
        fitting = [
            (keys, block)
            for keys, block in named.get(wanted[at], ())
            if tuple(wanted[at : at + len(keys)]) == keys
        ]
        if not fitting:
            at += 1
            continue
        keys, block = max(fitting, key=lambda found: len(found[0]))
        stretch = tuple(parts[at : at + len(keys)])
        yield Step("staged", block.id, stretch, "sent earlier under this name")
        at += len(keys)


_Origin = tuple[SourceBlob, int]
_Wanted = tuple[Part, _Origin | None]


def _origins(sources: Sequence[SourceBlob]) -> dict[PartKey, _Origin]:
    """Index the older blobs; the first one named that has a part wins."""
    found: dict[PartKey, _Origin] = {}
    for source in sources:
        for part, offset in source.parts:
            found.setdefault(part, (source, offset))
    return found


def _origin(part: Part, origins: dict[PartKey, _Origin]) -> _Origin | None:
    return origins.get(key(part))


def _runs(rest: Sequence[_Wanted]) -> Iterator[list[_Wanted]]:
    """Give the runs of parts that are adjacent here, and at their origin too."""
    run: list[_Wanted] = []
    for wanted in rest:
        if run and not _continues(run[-1], wanted):
            yield run
            run = []
        run.append(wanted)
    if run:
        yield run


def _continues(before: _Wanted, wanted: _Wanted) -> bool:
    (last, last_origin), (part, origin) = before, wanted
    if part.offset != last.offset + last.size:
        return False
    if last_origin is None or origin is None:
        return last_origin is origin
    return origin[0] is last_origin[0] and origin[1] == last_origin[1] + last.size


def _step(run: Sequence[_Wanted], group: Group) -> Step:
    parts = tuple(part for part, _ in run)
    md5 = group.md5 if parts == group.parts else None
    origin = run[0][1]
    if origin is None:
        return Step("send", block_id(parts), parts, "nowhere in storage yet", md5)
    source, offset = origin
    return Step("copy", block_id(parts), parts, f"stands in {source.name}", md5, source, offset)


def _without_repeats(steps: Sequence[Step]) -> Iterator[Step]:
    """Let a block that occurs twice travel once."""
    seen: set[str] = set()
    for step in steps:
        if step.id in seen and step.kind != "staged":
            yield Step("repeat", step.id, step.parts, "the same bytes as an earlier block")
        else:
            yield step
        seen.add(step.id)


def summary(steps: Sequence[Step]) -> tuple[str, ...]:
    """Tell the plan in one line for each run of steps with the same reason."""
    lines = []
    by_reason: Callable[[Step], tuple[str, str]] = lambda step: (step.kind, step.reason)  # noqa: E731
    for (kind, reason), run in groupby(steps, by_reason):
        size = sum(step.size for step in run)
        lines.append(f"{kind} {size} bytes: {reason}")
    return tuple(lines)
