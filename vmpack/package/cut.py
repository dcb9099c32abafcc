"""Where a file larger than a segment is cut: at places that its content chooses, found at the speed of C.

A cut lies behind a delimiter, where the bytes up to the next delimiter have the smallest checksum in the window.
Bytes inserted before a window move its choice along with the content, so later cuts stay at the same content.
"""

import zlib

_DELIMITERS = (b"\x00\x01", b"\xff\xfe", b"\n\n", b"777", b"the ", b"\n", b"\x00", b" ", b"e")
"""Tried in order: for machine code and compressed data, for text and numbers, and for what is left."""
_FEWEST = 8
_MOST = 1 << 14


def find_cut(window: bytes) -> int:
    """Give the position in ``window`` to cut before; its end when the content offers no choice."""
    for delimiter in _DELIMITERS:
        if _FEWEST <= window.count(delimiter) <= _MOST:
            return _behind_smallest(window, delimiter)
    return len(window)


def _behind_smallest(window: bytes, delimiter: bytes) -> int:
    # The first and the last part are cut off by the window's edges, so they say nothing.
    parts = window.split(delimiter)[1:-1]
    checksums = [zlib.crc32(part) for part in parts]
    before = checksums.index(min(checksums))
    start = window.index(delimiter) + len(delimiter)
    return start + sum(map(len, parts[:before])) + before * len(delimiter)
