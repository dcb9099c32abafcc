"""How the agent compares versions."""


def same_version(one: str, other: str) -> bool:
    """Tell whether the agent sees two versions as the same and so does nothing.

    Numeric per dot, missing parts are 0, so ``1.2`` is ``1.2.0.0``; texts that are not numbers are compared as
    texts (pkg/utils/versionstringutils.go: AreVersionsEqual). Go's comparison stops at the first difference, so
    ``1.x`` and ``2.x`` differ without an error.
    """
    left, right = one.split("."), other.split(".")
    try:
        for a, b in zip(left, right, strict=False):
            if _number(a) != _number(b):
                return False
        rest = left[len(right) :] or right[len(left) :]
        return not any(map(_number, rest))
    except ValueError:
        return one == other


def _number(text: str) -> int:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(text)  # strconv.Atoi knows no spaces, underscores or other digits
    return int(text)
