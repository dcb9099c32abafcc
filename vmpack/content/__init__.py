"""From globs to one flat, sorted, validated list of entries."""
