"""From entries and scripts to bytes: segments, frames, containers, limits, cache."""
