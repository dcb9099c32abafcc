"""Did you mean: the nearest of the names that would have been right."""

from collections.abc import Iterable


def did_you_mean(wrong: str, right: Iterable[str]) -> str:
    """Give ``Did you mean 'x'? `` (with the blank behind it), or nothing where no name is near."""
    from difflib import get_close_matches

    names = {name.casefold(): name for name in reversed(list(right))}
    near = get_close_matches(wrong.casefold(), names, n=1, cutoff=0.7)
    return f"Did you mean {names[near[0]]!r}? " if near else ""
