"""Which paths are packed: include, exclude and executable patterns, and ``.vmpackignore`` files.

All patterns are those of gitignore (pathspec's implementation). The library is imported only when there is a
pattern to match: it takes longer to load than a small payload takes to pack.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from vmpack.errors import BuildError
from vmpack.values import dataclass

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".vmpackignore"


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The patterns of one ``.vmpackignore``, which speak of the paths below its folder."""

    prefix: str
    """The folder with a trailing slash; empty for the payload's root."""
    spec: "GitIgnoreSpec"
    above: str = ""
    """The way from the file's folder down to the payload's root, for a file that lies above it."""


class Patterns:
    """One list of gitignore patterns; an empty list matches nothing, ``["**"]`` everything."""

    def __init__(self, lines: Sequence[str], label: str) -> None:
        self.everything = tuple(lines) == ("**",)
        self.is_empty = not lines
        self._spec = None if self.everything or not lines else compile_spec(lines, label)

    def match(self, path: str) -> bool:
        """Tell whether the last pattern that speaks of ``path`` (folders end with a slash) takes it."""
        if self._spec is None:
            return self.everything
        return self._spec.match_file(path)


def compile_spec(lines: Iterable[str], label: str) -> "GitIgnoreSpec":
    """Compile gitignore lines; raise BuildError naming ``label`` for a line that is no pattern."""
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise BuildError(
            f"{label} has a pattern that cannot be used: {error}",
            remedy="Patterns are those of gitignore.",
            rule="payload-pattern",
        ) from error


def ignored(path: str, rules: Sequence[IgnoreRules]) -> bool:
    """Tell whether ``.vmpackignore`` files drop ``path``; as in git the deepest file that speaks of it wins."""
    for rule in reversed(rules):
        verdict = rule.spec.check_file(rule.above + path[len(rule.prefix) :]).include
        if verdict is not None:
            return verdict
    return False
