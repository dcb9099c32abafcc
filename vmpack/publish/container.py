"""The dozen requests that publishing makes of one container, each as one method."""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import md5
from urllib.parse import quote
from xml.etree import ElementTree as ET

from vmpack.errors import PublishError
from vmpack.publish.model import BlobProperties, RemoteBlock
from vmpack.publish.session import Session
from vmpack.publish.wire import Body, Request, Response
from vmpack.values import dataclass, field

CREATE_ONLY = {"If-None-Match": "*"}


@dataclass(frozen=True, slots=True)
class BlockLists:
    """A blob's blocks as storage has them."""

    committed: tuple[RemoteBlock, ...] = ()
    uncommitted: tuple[RemoteBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ListedBlob:
    """One row of a listing."""

    name: str
    properties: BlobProperties


@dataclass(frozen=True, slots=True)
class SourceRange:
    """A range of a blob that storage itself reads."""

    url: str = field(repr=False)
    """With its signature, unless ``bearer`` opens it."""
    offset: int
    size: int
    bearer: str | None = field(default=None, repr=False)
    """An Authorization header for the source."""


@dataclass(frozen=True, slots=True)
class Container:
    """A container behind a session. ``url`` has neither a signature nor a trailing slash."""

    url: str
    session: Session

    def blob_url(self, blob: str) -> str:
        """Give a blob's URL without a signature."""
        return f"{self.url}/{quote(blob)}"

    def put_block(self, blob: str, block: str, data: bytes | Body, digest: bytes) -> None:
        """Send one block; ``digest`` is its MD5, which storage verifies before it accepts the block."""
        checksum = b64encode(digest).decode()
        request = Request(
            "PUT",
            self._path(blob),
            {"comp": "block", "blockid": block},
            {"Content-MD5": checksum},
            data,
        )
        answer = self.session.call(request, {201})
        returned = answer.headers.get("content-md5", checksum)
        if returned != checksum:
            raise PublishError(
                "storage received other bytes than were sent",
                why=f"It computed the MD5 {returned}, not {checksum}.",
                remedy="Run the command again.",
                where=self.blob_url(blob),
                rule="block-damaged",
            )

    def copy_block(self, blob: str, block: str, source: SourceRange, digest: bytes) -> None:
        """Let storage copy a range of another blob into a block (Put Block From URL).

        Storage refuses the block when the range does not have the MD5 ``digest``.
        """
        headers = {
            "x-ms-copy-source": source.url,
            "x-ms-source-range": f"bytes={source.offset}-{source.offset + source.size - 1}",
            "x-ms-source-content-md5": b64encode(digest).decode(),
        }
        if source.bearer:
            headers["x-ms-copy-source-authorization"] = source.bearer
        query = {"comp": "block", "blockid": block}
        self.session.call(Request("PUT", self._path(blob), query, headers), {201})

    def block_lists(self, blob: str) -> BlockLists:
        """List committed and uncommitted blocks; nothing at all for a name never used, or of a page blob."""
        request = Request("GET", self._path(blob), {"comp": "blocklist", "blocklisttype": "all"})
        answer = self.session.call(request, {200, 404, 409})
        if answer.status != 200:
            return BlockLists()
        root = _xml(answer)
        return BlockLists(_blocks(root, "CommittedBlocks"), _blocks(root, "UncommittedBlocks"))

    def commit(
        self,
        blob: str,
        blocks: Sequence[str],
        *,
        condition: Mapping[str, str],
        metadata: Mapping[str, str],
        content_type: str = "application/octet-stream",
    ) -> str:
        """Make the blob out of blocks, in this order, and give its etag. Raises StorageError (409, 412, 400)."""
        latest = "".join(f"<Latest>{block}</Latest>" for block in blocks)
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{latest}</BlockList>'.encode()
        headers = {
            **condition,
            **{f"x-ms-meta-{name}": value for name, value in metadata.items()},
            "Content-MD5": b64encode(md5(body, usedforsecurity=False).digest()).decode(),
            "Content-Type": "application/xml",
            "x-ms-blob-content-type": content_type,
        }
        answer = self.session.call(
            Request("PUT", self._path(blob), {"comp": "blocklist"}, headers, body), {201}
        )
        return answer.headers.get("etag", "")

    def properties(self, blob: str) -> BlobProperties | None:
        """Look at a committed blob; None where there is none."""
        answer = self.session.call(Request("HEAD", self._path(blob)), {200, 404})
        return None if answer.status == 404 else properties_of(answer.headers)

    def read(self, blob: str, offset: int, size: int) -> bytes:
        """Read a range of a blob."""
        headers = {"Range": f"bytes={offset}-{offset + size - 1}"}
        data = self.session.call(Request("GET", self._path(blob), headers=headers), {206}).body
        if len(data) != size:
            raise PublishError("the range ends early", where=self.blob_url(blob))
        return data

    def delete(self, blob: str, etag: str) -> bool:
        """Delete a blob if it is still the one with this etag; False where it was gone already."""
        headers = {"If-Match": etag, "x-ms-delete-snapshots": "include"}
        return (
            self.session.call(Request("DELETE", self._path(blob), headers=headers), {202, 404}).status == 202
        )

    def list(self, prefix: str) -> Iterator[ListedBlob]:
        """List committed blobs below a prefix, with metadata, page by page."""
        marker = ""
        while True:
            query = {"restype": "container", "comp": "list", "prefix": prefix, "include": "metadata"}
            if marker:
                query["marker"] = marker
            root = _xml(self.session.call(Request("GET", self._path(), query), {200}))
            for row in root.iterfind("Blobs/Blob"):
                yield _listed(row)
            marker = root.findtext("NextMarker") or ""
            if not marker:
                return

    def create(self) -> bool:
        """Make the container; False where it was there."""
        request = Request("PUT", self._path(), {"restype": "container"})
        return self.session.call(request, {201, 409}).status == 201

    def _path(self, blob: str = "") -> str:
        _, _, rest = self.url.partition("://")
        path = rest[rest.index("/") :]
        return f"{path}/{quote(blob)}" if blob else path


def properties_of(headers: Mapping[str, str]) -> BlobProperties:
    """Read a blob's properties out of the headers of a HEAD or GET."""
    prefix = "x-ms-meta-"
    return BlobProperties(
        size=int(headers.get("content-length", "0")),
        etag=headers.get("etag", ""),
        type=headers.get("x-ms-blob-type", ""),
        metadata={n.removeprefix(prefix): v for n, v in headers.items() if n.startswith(prefix)},
        modified=headers.get("last-modified", ""),
    )


def _xml(answer: Response) -> ET.Element:
    try:
        return ET.fromstring(answer.body)  # noqa: S314 - expat bounds entity expansion itself
    except ET.ParseError:
        raise PublishError("storage gave an answer that is not XML", rule="storage") from None


def _blocks(root: ET.Element, kind: str) -> tuple[RemoteBlock, ...]:
    return tuple(
        RemoteBlock(row.findtext("Name") or "", int(row.findtext("Size") or 0))
        for row in root.iterfind(f"{kind}/Block")
    )


def _listed(row: ET.Element) -> ListedBlob:
    etag = row.findtext("Properties/Etag") or ""
    return ListedBlob(
        row.findtext("Name") or "",
        BlobProperties(
            size=int(row.findtext("Properties/Content-Length") or 0),
            etag=etag if etag.startswith('"') else f'"{etag}"',
            type=row.findtext("Properties/BlobType") or "",
            metadata={child.tag.lower(): child.text or "" for child in row.iterfind("Metadata/*")},
            modified=row.findtext("Properties/Last-Modified") or "",
        ),
    )
