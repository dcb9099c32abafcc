"""What lies in a container, and how to take a version out of it."""

from collections.abc import Iterable, Iterator

from vmpack.errors import PublishError
from vmpack.publish.container import Container, ListedBlob
from vmpack.publish.content import SHA256_KEY
from vmpack.values import dataclass


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of one application in a container."""

    name: str
    version: str
    blobs: tuple[ListedBlob, ...]

    @property
    def size(self) -> int:
        """All its blobs, in bytes."""
        return sum(blob.properties.size for blob in self.blobs)

    @property
    def modified(self) -> str:
        """When the newest of its blobs was written, as storage says it."""
        return max(self.blobs, key=lambda blob: blob.properties.modified_at).properties.modified

    @property
    def ours(self) -> bool:
        """Whether vmpack wrote every blob of it."""
        return all(SHA256_KEY in blob.properties.metadata for blob in self.blobs)


def versions(container: Container, name: str = "") -> tuple[StoredVersion, ...]:
    """List the versions in a container, of one application or of all, in order of name and version."""
    grouped: dict[tuple[str, str], list[ListedBlob]] = {}
    for blob in _named(container.list(f"{name}/" if name else "")):
        application, version, _ = blob.name.split("/")
        grouped.setdefault((application, version), []).append(blob)
    found = (StoredVersion(name, version, tuple(blobs)) for (name, version), blobs in grouped.items())
    return tuple(sorted(found, key=lambda v: (v.name, [_number(part) for part in v.version.split(".")])))


def _named(blobs: Iterable[ListedBlob]) -> Iterator[ListedBlob]:
    """Keep what is named ``application/1.2.3/file``; other tools may use the container too."""
    for blob in blobs:
        parts = blob.name.split("/")
        numbers = parts[1].split(".") if len(parts) == 3 else ()
        if len(numbers) == 3 and all(number.isdecimal() for number in numbers):
            yield blob


def _number(text: str) -> int:
    return int(text)


def find(container: Container, name: str, version: str, *, force: bool = False) -> StoredVersion:
    """Find the version that is to be deleted.

    Raises PublishError where there is none, and where not vmpack wrote all of it unless ``force`` is set.
    """
    found = [stored for stored in versions(container, name) if stored.version == version]
    if not found:
        raise PublishError(
            f"{name} {version} is not in this container",
            remedy="See what is: vmpack list.",
            where=container.url,
            rule="unpublish-missing",
        )
    if not found[0].ours and not force:
        raise PublishError(
            f"{name} {version} holds blobs that vmpack did not write",
            remedy="Look at them with `vmpack list`; --force deletes them too.",
            where=container.url,
            rule="unpublish-foreign",
        )
    return found[0]


def delete(container: Container, stored: StoredVersion) -> tuple[str, ...]:
    """Delete the blobs of a version, each only if it is still the one that was listed; give their names."""
    return tuple(blob.name for blob in stored.blobs if container.delete(blob.name, blob.properties.etag))
