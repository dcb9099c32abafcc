"""Where a file larger than a segment is cut: at places that its content chooses, found at the speed of memchr.

A cut lies behind one of the first few hundred occurrences of a byte in the window: the one whose following bytes
have the smallest checksum. Bytes inserted before a window move its choice along with the content, so later cuts
stay at the same content.
"""

import zlib

_DELIMITERS = tuple(bytes((byte,)) for byte in b"\xa7\xf3~Q`X{J7\n0e\x00")
"""Tried in order: rare ones of machine code first, then of text, then common ones."""
_FEWEST = 16
_MOST = 256
_TOKEN = 16
"""Bytes behind a delimiter that its checksum covers."""


def find_cut(window: bytes) -> int:
    """Give the position in ``window`` to cut before; its end when the content offers no choice."""
    for delimiter in _DELIMITERS:
        places = _places_behind(window, delimiter)
        if len(places) >= _FEWEST:
            checksums = [zlib.crc32(window[at : at + _TOKEN]) for at in places]
            smallest = min(checksums)
            if smallest != max(checksums):
                return places[checksums.index(smallest)]
    return len(window)


def _places_behind(window: bytes, delimiter: bytes) -> list[int]:
    places: list[int] = []
    at = window.find(delimiter) + 1
    while at and len(places) < _MOST:
        places.append(at)
        at = window.find(delimiter, at) + 1
    return places
