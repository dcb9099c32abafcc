"""From raw bytes to one frame: the part of a compressed file that decompresses on its own.

Frames joined are a valid file: zstd frames, gzip members, or plain bytes. Only libraries whose output does not
depend on the processor are used: isal is faster than zlib-ng but gives other bytes with and without AVX-512.
"""

import hashlib
import struct
from collections.abc import Callable

from vmpack.package.archive import Frame
from vmpack.types import PayloadFormat

Compress = Callable[[memoryview], bytes]

DEFAULT_LEVELS: dict[PayloadFormat, int] = {"tar.zst": 3, "tar.gz": 6, "tar": 0, "zip": 6, "none": 0}
"""What a payload without a level gets; docs/performance.md has the figures behind the choice."""
_SMALL = 8 << 20
"""Raw bytes of a payload for which a higher level costs some twenty milliseconds."""
_SMALL_LEVEL = 6
"""What that gets from zstd: it more than makes up for the many short frames of a small payload."""

_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflate, no name, no time, unknown system."""


_FAR_LEVEL = 9
"""From here on zstd looks back over four megabytes and more instead of two."""


def largest_segment(form: PayloadFormat, level: int) -> int:
    """Give the raw bytes of a segment of a large payload: three to four times what the compressor looks back over.

    Each segment begins without a past, so shorter ones compress worse. Longer ones make a change more expensive,
    and are slower to compress because they leave the processor's cache (docs/performance.md has the figures).
    """
    return 16 << 20 if form == "tar.zst" and level >= _FAR_LEVEL else 6 << 20


def level_of(form: PayloadFormat, level: int | None, size: int) -> int:
    """Give the level that is used for ``level``, which None leaves to the format and to the payload's raw bytes."""
    if level is not None:
        return level
    return _SMALL_LEVEL if form == "tar.zst" and size < _SMALL else DEFAULT_LEVELS[form]


def compressor(form: PayloadFormat, level: int) -> Compress:
    """Give a function that makes frames; each thread needs its own."""
    if form == "tar.zst":
        from zstandard import ZstdCompressor

        return ZstdCompressor(level=level, write_checksum=True, write_content_size=True).compress
    if form == "tar.gz":
        return lambda data: _gzip_member(data, level)
    return bytes


def library(form: PayloadFormat) -> str:
    """Name the library and the version that decide the bytes of a frame."""
    if form == "tar.zst":
        import zstandard

        return "zstd " + ".".join(map(str, zstandard.ZSTD_VERSION))
    if form in {"tar.gz", "zip"}:
        from zlib_ng import zlib_ng

        return f"zlib-ng {zlib_ng.ZLIBNG_VERSION}"
    return "plain"


def sealed(frame: Frame) -> Frame:
    """Give the frame with its sha256 and CRC-32."""
    return frame._replace(digest=hashlib.sha256(frame.data).digest(), crc=crc32(frame.data))


def crc32(data: bytes | memoryview, value: int = 0) -> int:
    """Give the CRC-32, at memory speed: six times as fast as zlib's."""
    from zlib_ng import zlib_ng

    return zlib_ng.crc32(data, value)


def _gzip_member(data: memoryview, level: int) -> bytes:
    from zlib_ng import zlib_ng

    body = zlib_ng.compress(data, level, wbits=-15)
    return b"".join((_GZIP_HEADER, body, struct.pack("<II", zlib_ng.crc32(data), len(data) & 0xFFFFFFFF)))
