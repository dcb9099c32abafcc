"""Where symlinks lead: they may point anywhere inside the payload, never out of it."""

from collections.abc import Iterator, Mapping

from vmpack.content.problems import problem
from vmpack.findings import Finding

_MOST_HOPS = 40
"""Linux gives up after as many (path_resolution(7))."""


def link_problems(targets: Mapping[str, str]) -> Iterator[Finding]:
    """Give every link that leaves the payload, with ``targets`` mapping each link's path to what it says.

    A link may lead through other links and through linked folders; a target that is not packed is the
    author's affair, as it is for every packager, because an installer may create it.
    """
    for path, target in targets.items():
        reason = _reason(path, target, targets)
        if reason:
            yield problem("payload-link", path, reason, "Links must be relative and stay inside the payload.")


def _reason(path: str, target: str, targets: Mapping[str, str]) -> str:
    if target.startswith("/"):
        return f"is a link to the absolute path {target}"
    at = path.split("/")[:-1]
    rest = target.split("/")[::-1]
    hops = 0
    while rest:
        part = rest.pop()
        if part == "..":
            if not at:
                return f"is a link that leaves the payload: {target}"
            at.pop()
        elif part not in {"", "."}:
            at.append(part)
            through = targets.get("/".join(at))
            if through is None:
                continue
            hops += 1
            if hops > _MOST_HOPS:
                return f"is a link in a loop: {target}"
            if through.startswith("/"):
                return f"is a link that leaves the payload through {'/'.join(at)}"
            at.pop()
            rest.extend(through.split("/")[::-1])
    return ""
