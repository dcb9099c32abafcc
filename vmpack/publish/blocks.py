"""Block ids that say what they hold.

A storage block is up to four neighbouring parts of a file. Its id is the list of these parts: for each the first
nine bytes of its sha256 and its size, 64 characters in all. So whoever reads the block list of a published blob
knows which parts lie where in it, to copy single ones out of it even when several travelled in one block; and an
uncommitted block that an interrupted run left behind is recognised by its name alone.

Nine bytes are enough: a copy is checked by MD5 besides, and reusing a staged block needs two parts of equal size
whose digests agree in 72 bits.
"""

from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from vmpack.package.parcels import MOST_BLOCKS
from vmpack.publish.model import Part, PartKey, RemoteBlock

MAX_BLOCK = 8 << 20
"""Bytes. A piece of something larger ends here; a lost one costs little."""
_DIGEST = 9
_SIZE = 3
_ID_BYTES = MOST_BLOCKS * (_DIGEST + _SIZE)


def key(part: Part) -> PartKey:
    """Give what a block id keeps of a part."""
    return PartKey(bytes.fromhex(part.sha256)[:_DIGEST], part.size)


def block_id(parts: Sequence[Part]) -> str:
    """Name the block that holds these parts, as storage wants it (base64 of 64 ASCII characters)."""
    named = b"".join(k.digest + k.size.to_bytes(_SIZE, "big") for k in map(key, parts))
    return b64encode(urlsafe_b64encode(named.ljust(_ID_BYTES, b"\0"))).decode()


def id_length(block: str) -> int:
    """Give the bytes of an id before base64; storage wants the same of all uncommitted blocks of a blob."""
    try:
        return len(b64decode(block, validate=True))
    except ValueError:
        return -1


def parts_of(block: RemoteBlock) -> tuple[PartKey, ...]:
    """Read the parts out of a block's id; nothing when vmpack did not name it."""
    try:
        named = urlsafe_b64decode(b64decode(block.id, validate=True))
    except ValueError:
        return ()
    if len(named) != _ID_BYTES:
        return ()
    width = _DIGEST + _SIZE
    fields = [named[start : start + width] for start in range(0, _ID_BYTES, width)]
    keys = tuple(PartKey(f[:_DIGEST], int.from_bytes(f[_DIGEST:], "big")) for f in fields if any(f))
    return keys if keys and sum(k.size for k in keys) == block.size else ()


OWN_ID_LENGTH = id_length(block_id([Part(0, 1, "00" * 32)]))
