"""Files that are there whole or not at all, for several writers at once."""

import contextlib
import os
import secrets


def write_whole(path: str, *parts: bytes) -> None:
    """Write a file beside its place and rename it; raise OSError when that fails, leaving nothing behind."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{path}.{secrets.token_hex(6)}.tmp"
    try:
        with open(temporary, "xb", buffering=0) as file:
            for part in parts:
                _write_all(file.fileno(), part)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
