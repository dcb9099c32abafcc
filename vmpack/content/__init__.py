"""From globs to one flat, sorted, validated list of entries."""

from vmpack.content.collect import collect

__all__ = ["collect"]
