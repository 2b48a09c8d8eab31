"""The XML documents of the blob service: listings out, block lists in.

https://learn.microsoft.com/rest/api/storageservices/list-blobs
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from local.emulators.datalake.errors import StorageError
from local.emulators.datalake.request import http_date
from local.emulators.datalake.store import Entry

_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
_LISTED_HEADERS = (
    "Content-Type",
    "Content-Encoding",
    "Content-Language",
    "Content-MD5",
    "Content-Disposition",
    "Cache-Control",
)
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

Leased = dict[str, str]


def error(code: str, message: str) -> bytes:
    return f"{_DECLARATION}<Error><Code>{code}</Code><Message>{_text(message)}</Message></Error>".encode()


def container_list(account_url: str, fields: dict[str, str], containers: Iterable[str], marker: str) -> bytes:
    return (
        f"{_DECLARATION}<EnumerationResults ServiceEndpoint={quoteattr(account_url)}>{_fields(fields)}"
        f"<Containers>{''.join(containers)}</Containers><NextMarker>{marker}</NextMarker></EnumerationResults>"
    ).encode()


def container(entry: Entry, lease: Leased, with_metadata: bool) -> str:
    about = entry.attributes
    return (
        f"<Container><Name>{_text(entry.place.container)}</Name><Properties>"
        f"<Last-Modified>{http_date(about.modified_ns)}</Last-Modified><Etag>{escape(about.etag)}</Etag>"
        f"{_lease(lease)}<HasImmutabilityPolicy>false</HasImmutabilityPolicy><HasLegalHold>false</HasLegalHold>"
        f"</Properties>{_metadata(about.metadata) if with_metadata else ''}</Container>"
    )


def blob_list(
    account_url: str, container_name: str, fields: dict[str, str], blobs: Iterable[str], marker: str
) -> bytes:
    return (
        f"{_DECLARATION}<EnumerationResults ServiceEndpoint={quoteattr(account_url)} "
        f"ContainerName={quoteattr(container_name)}>{_fields(fields)}"
        f"<Blobs>{''.join(blobs)}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"
    ).encode()


def blob(entry: Entry, lease: Leased, with_metadata: bool) -> str:
    """A file, or a directory as the marker blob that a hierarchical account lists for it."""
    about = entry.attributes
    headers = about.headers
    listed = "".join(
        f"<{name}>{_text(headers[name])}</{name}>" for name in _LISTED_HEADERS if name in headers
    )
    if "Content-Type" not in headers:
        listed += "<Content-Type>application/octet-stream</Content-Type>"
    kind = "BlockBlob" if entry.is_directory else about.kind
    metadata = {"hdi_isfolder": "true", **about.metadata} if entry.is_directory else about.metadata
    return (
        f"<Blob><Name>{_text(entry.place.path)}</Name><Properties>"
        f"<Creation-Time>{http_date(about.created_ns)}</Creation-Time>"
        f"<Last-Modified>{http_date(about.modified_ns)}</Last-Modified><Etag>{about.etag[1:-1]}</Etag>"
        f"<ResourceType>{'directory' if entry.is_directory else 'file'}</ResourceType>"
        f"<Content-Length>{entry.size}</Content-Length>{listed}<BlobType>{kind}</BlobType>"
        f"<AccessTier>Hot</AccessTier><AccessTierInferred>true</AccessTierInferred>{_lease(lease)}"
        f"<ServerEncrypted>true</ServerEncrypted></Properties>{_metadata(metadata) if with_metadata else ''}</Blob>"
    )


def blob_prefix(name: str) -> str:
    return f"<BlobPrefix><Name>{_text(name)}</Name></BlobPrefix>"


def block_list(
    committed: Iterable[tuple[str, int]] | None, uncommitted: Iterable[tuple[str, int]] | None
) -> bytes:
    parts = []
    for element, blocks in (("CommittedBlocks", committed), ("UncommittedBlocks", uncommitted)):
        if blocks is not None:
            rows = "".join(
                f"<Block><Name>{_text(name)}</Name><Size>{size}</Size></Block>" for name, size in blocks
            )
            parts.append(f"<{element}>{rows}</{element}>")
    return f"{_DECLARATION}<BlockList>{''.join(parts)}</BlockList>".encode()


def parse_block_list(document: bytes) -> list[tuple[str, str]]:
    """(Committed, Uncommitted or Latest; block id) in order."""
    if b"<!DOCTYPE" in document:
        raise StorageError("InvalidXmlDocument")
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError:
        raise StorageError("InvalidXmlDocument") from None
    blocks = [(child.tag, (child.text or "").strip()) for child in root]
    if root.tag != "BlockList" or any(tag not in ("Committed", "Uncommitted", "Latest") for tag, _ in blocks):
        raise StorageError("InvalidXmlDocument")
    return blocks


def _lease(lease: Leased) -> str:
    duration = lease.get("x-ms-lease-duration")
    return (
        f"<LeaseStatus>{lease['x-ms-lease-status']}</LeaseStatus><LeaseState>{lease['x-ms-lease-state']}</LeaseState>"
        + (f"<LeaseDuration>{duration}</LeaseDuration>" if duration else "")
    )


def _metadata(metadata: dict[str, str]) -> str:
    return f"<Metadata>{_fields(metadata)}</Metadata>" if metadata else "<Metadata />"


def _fields(fields: dict[str, str]) -> str:
    return "".join(f"<{name}>{_text(value)}</{name}>" for name, value in fields.items())


def _text(value: str) -> str:
    return escape(_UNPRINTABLE.sub("\ufffd", value))
