"""vmpack builds, tests and publishes Azure VM applications."""

__version__ = "0.1.0"
