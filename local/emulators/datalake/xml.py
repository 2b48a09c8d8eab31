"""The XML documents of the blob service: listings out, block lists in.

https://learn.microsoft.com/rest/api/storageservices/list-blobs
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
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

_POLICY = {"Start": "st", "Expiry": "se", "Permission": "sp"}
# Where a listing tells a trait, by the header that tells it of a single blob.
_LISTED_TRAITS = {
    "x-ms-access-tier-change-time": "AccessTierChangeTime",
    "x-ms-archive-status": "ArchiveStatus",
    "x-ms-rehydrate-priority": "RehydratePriority",
    "x-ms-smart-access-tier": "SmartAccessTier",
    "x-ms-blob-sealed": "Sealed",
    "x-ms-expiry-time": "Expiry-Time",
    "x-ms-encryption-scope": "EncryptionScope",
}
_LISTED_POLICIES = {
    "x-ms-immutability-policy-until-date": "ImmutabilityPolicyUntilDate",
    "x-ms-immutability-policy-mode": "ImmutabilityPolicyMode",
}
_CONTAINER_TRAITS = {
    "x-ms-blob-public-access": "PublicAccess",
    "x-ms-default-encryption-scope": "DefaultEncryptionScope",
    "x-ms-deny-encryption-scope-override": "DenyEncryptionScopeOverride",
}
_LISTED_COPIES = {
    "x-ms-copy-id": "CopyId",
    "x-ms-copy-source": "CopySource",
    "x-ms-copy-status": "CopyStatus",
    "x-ms-copy-progress": "CopyProgress",
    "x-ms-copy-completion-time": "CopyCompletionTime",
}

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
        f"{_lease(lease)}{_container_traits(about.traits)}"
        "<HasImmutabilityPolicy>false</HasImmutabilityPolicy><HasLegalHold>false</HasLegalHold>"
        "<ImmutableStorageWithVersioningEnabled>false</ImmutableStorageWithVersioningEnabled>"
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


def blob(entry: Entry, lease: Leased, scope: str | None, include: Set[str]) -> str:
    """A file, or a directory as the marker blob that a hierarchical account lists for it."""
    about = entry.attributes
    headers = {"Content-Type": "application/octet-stream", **about.headers}
    listed = "".join(
        f"<{name}>{_text(headers[name])}</{name}>" for name in _LISTED_HEADERS if name in headers
    )
    kind = "BlockBlob" if entry.is_directory else about.kind
    metadata = {"hdi_isfolder": "true", **about.metadata} if entry.is_directory else about.metadata
    return (
        f"<Blob><Name>{_text(entry.place.path)}</Name><Properties>"
        f"<Creation-Time>{http_date(about.created_ns)}</Creation-Time>"
        f"<Last-Modified>{http_date(about.modified_ns)}</Last-Modified><Etag>{about.etag[1:-1]}</Etag>"
        f"<LastAccessTime>{http_date(entry.accessed_ns)}</LastAccessTime>"
        f"<ResourceType>{'directory' if entry.is_directory else 'file'}</ResourceType>"
        f"<Content-Length>{entry.size}</Content-Length>{listed}<BlobType>{kind}</BlobType>"
        f"{_blob_traits(about.traits, scope, include)}{_lease(lease)}"
        f"<ServerEncrypted>true</ServerEncrypted></Properties>{_metadata(metadata) if 'metadata' in include else ''}"
        "</Blob>"
    )


def uncommitted_blob(name: str) -> str:
    """A blob of which only blocks are there yet."""
    return (
        f"<Blob><Name>{_text(name)}</Name><Properties><Content-Length>0</Content-Length>"
        "<BlobType>BlockBlob</BlobType></Properties></Blob>"
    )


def _blob_traits(traits: Mapping[str, str], scope: str | None, include: Set[str]) -> str:
    tier = traits.get("x-ms-access-tier")
    inferred = "" if tier else "<AccessTierInferred>true</AccessTierInferred>"
    told = f"<AccessTier>{tier or 'Hot'}</AccessTier>{inferred}"
    names = dict(_LISTED_TRAITS)
    if "immutabilitypolicy" in include:
        names |= _LISTED_POLICIES
    if "legalhold" in include:
        names["x-ms-legal-hold"] = "LegalHold"
    if "copy" in include:
        names |= _LISTED_COPIES
    known = {"x-ms-encryption-scope": scope, **traits} if scope else traits
    return told + "".join(
        f"<{element}>{_text(known[name])}</{element}>" for name, element in names.items() if name in known
    )


def _container_traits(traits: Mapping[str, str]) -> str:
    return "".join(
        f"<{element}>{_text(traits[name])}</{element}>"
        for name, element in _CONTAINER_TRAITS.items()
        if name in traits
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


def signed_identifiers(policies: Mapping[str, Mapping[str, str]]) -> bytes:
    rows = "".join(
        f"<SignedIdentifier><Id>{_text(name)}</Id>{_access_policy(policy)}</SignedIdentifier>"
        for name, policy in policies.items()
    )
    return f"{_DECLARATION}<SignedIdentifiers>{rows}</SignedIdentifiers>".encode()


def parse_signed_identifiers(document: bytes) -> dict[str, dict[str, str]]:
    """Id to what its policy says, by the names that a token has for it: st, se, sp."""
    policies: dict[str, dict[str, str]] = {}
    for child in parse(document, "SignedIdentifiers"):
        policy = {field: (child.findtext(f"AccessPolicy/{name}") or "") for name, field in _POLICY.items()}
        policies[child.findtext("Id") or ""] = {field: text for field, text in policy.items() if text}
    return policies


def _access_policy(policy: Mapping[str, str]) -> str:
    said = "".join(
        f"<{name}>{_text(policy[field])}</{name}>" for name, field in _POLICY.items() if field in policy
    )
    return f"<AccessPolicy>{said}</AccessPolicy>" if said else ""


def parse(document: bytes, root_name: str) -> ElementTree.Element:
    """The root element; raises InvalidXmlDocument where it is another one or there is none."""
    if b"<!DOCTYPE" in document:
        raise StorageError("InvalidXmlDocument")
    try:
        root = ElementTree.fromstring(document)
    except ElementTree.ParseError:
        raise StorageError("InvalidXmlDocument") from None
    if root.tag != root_name:
        raise StorageError("InvalidXmlDocument")
    return root


def parse_block_list(document: bytes) -> list[tuple[str, str]]:
    """(Committed, Uncommitted or Latest; block id) in order."""
    root = parse(document, "BlockList")
    blocks = [(child.tag, (child.text or "").strip()) for child in root]
    if any(tag not in ("Committed", "Uncommitted", "Latest") for tag, _ in blocks):
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
