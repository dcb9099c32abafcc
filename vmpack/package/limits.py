"""The size limits as this room keeps them: before a build, while it writes, and for the config file."""

from collections import Counter
from pathlib import Path

from vmpack.content.model import Content
from vmpack.errors import BuildError, LimitError
from vmpack.findings import Finding
from vmpack.limits import DEFAULT, GB

_FOLDERS_NAMED = 5


def too_big(content: Content, limit: int, fact: str) -> LimitError:
    """Make the error for a package beyond ``limit`` bytes, naming the folders that take most of the space."""
    return LimitError(
        f"{fact}, the limit is {limit:,} bytes",
        why=f"Of the payload ({content.size:,} bytes unpacked) most is in {biggest_folders(content)}.",
        remedy="Exclude what is not needed at run time, or choose a higher payload.level.",
        where=content.root,
        rule="limit-too-big",
    )


def biggest_folders(content: Content) -> str:
    """Name the top places of a payload by size: folders with what they hold, files at the top as themselves."""
    sizes: Counter[str] = Counter()
    for entry in content.entries:
        if entry.kind == "file":
            top, slash, _ = entry.path.partition("/")
            sizes[top + slash] += entry.size
    return ", ".join(f"{place} ({size:,})" for place, size in sizes.most_common(_FOLDERS_NAMED))


def size_warnings(size: int, path: str) -> tuple[Finding, ...]:
    """Give a warning for a package or config file between 10^9 and 2^30 bytes: nobody documents which of them is 1 GB."""
    if size <= GB or size > DEFAULT.package_bytes:
        return ()
    return (
        Finding(
            "limit-gigabyte",
            "warning",
            f"{size:,} bytes: below 2^30, but above 10^9",
            "The limit is documented as 1 GB without saying which; make it smaller to be safe.",
            path,
        ),
    )


def check_config(path: Path, limit: int = DEFAULT.config_bytes) -> None:
    """Hold a config file against the platform's limits: raise BuildError when missing, LimitError by size."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise BuildError(
            "the config file cannot be read",
            why=f"{error.strerror}.",
            remedy="Check config.file in the manifest.",
            where=path,
            rule="config-missing",
        ) from error
    if not path.is_file():
        raise BuildError("the config file is not a file", where=path, rule="config-missing")
    if size == 0:
        raise LimitError(
            "the config file is empty",
            why="The gallery refuses an empty blob.",
            remedy="Write something into it, or leave config out.",
            where=path,
            rule="limit-empty",
        )
    if size > limit:
        raise LimitError(
            f"the config file has {size:,} bytes, the limit is {limit:,}",
            remedy="Move the bulk of it into the payload.",
            where=path,
            rule="limit-too-big",
        )
