"""``vmpack cache``: look at the build cache, keep it small, or empty it."""

import click

from vmpack.cli.console import Console, human_size, pass_console
from vmpack.cli.options import cache_folder, cache_limit, json_option


@click.command()
@click.argument("action", type=click.Choice(["show", "prune", "clear"]), default="show")
@json_option
@pass_console
def command(console: Console, action: str, as_json: bool) -> None:
    """Show the build cache (the default), prune it to its limit, or clear it.

    The oldest unused parts go first. VMPACK_CACHE_DIR moves the cache; VMPACK_CACHE_SIZE sets the limit, in bytes
    or with a unit: 500M, 4G. Losing the cache costs time, never a byte of a result.
    """
    from vmpack.package.cache import SegmentCache

    cache = SegmentCache.open(cache_folder(), cache_limit())
    freed = {"show": lambda: 0, "prune": cache.prune, "clear": cache.clear}[action]()
    stats = cache.stats()
    if as_json:
        console.json(
            {
                "schemaVersion": 1,
                "folder": str(stats.folder),
                "frames": stats.frames,
                "size": stats.size,
                "limit": stats.limit,
                "freed": freed,
            }
        )
        return
    if action != "show":
        console.result(f"freed {human_size(freed)}")
    console.result(
        f"{stats.folder}: {stats.frames} segments, {human_size(stats.size)} of {human_size(stats.limit)}"
    )
