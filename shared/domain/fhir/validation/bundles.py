"""The rules of a Bundle that hold between its entries: addresses, links, first entries, requests and responses.

https://hl7.org/fhir/R4/bundle.html, https://hl7.org/fhir/R4/documents.html, https://hl7.org/fhir/R4/messaging.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from shared.domain.fhir.outcome import Issue, error
from shared.domain.fhir.resource_types import RESOURCE_TYPES
from shared.domain.fhir.validation.bundle_index import BundleIndex, entries_of, index_of
from shared.domain.fhir.validation.bundle_linkage import FIRST_RESOURCE, linkage_issues
from shared.domain.fhir.validation.primitives import is_absolute
from shared.domain.fhir.validation.references import rest_url
from shared.domain.fhir.validation.signatures import signature_issues

__all__ = ["BundleIndex", "bundle_issues", "index_of"]

_PAGING: Final = frozenset({"first", "previous", "prev", "next", "last"})
_PAGED_TYPES: Final = frozenset({"searchset", "history"})
_CARRIERS: Final = frozenset({"transaction", "transaction-response", "batch", "batch-response"})
_BODY_METHODS: Final = frozenset({"POST", "PUT"})
_BODILESS_METHODS: Final = frozenset({"GET", "HEAD", "DELETE"})


def bundle_issues(bundle: dict[str, Any], index: BundleIndex, path: str = "Bundle") -> Iterator[Issue]:
    """The findings about a Bundle as a whole; its resources are read elsewhere."""
    type_ = bundle.get("type")
    type_ = type_ if isinstance(type_, str) else ""
    yield from _link_issues(bundle, type_, path)
    yield from _first_entry_issues(bundle, type_, path)
    yield from _uniqueness_issues(bundle, type_, path)
    yield from signature_issues(bundle, path)
    searched = _searched_types(bundle) if type_ == "searchset" else frozenset()
    for position, entry in entries_of(bundle):
        where = f"{path}.entry[{position}]"
        yield from _full_url_issues(entry, type_, where)
        yield from _request_issues(entry, type_, where)
        if type_ == "searchset":
            yield from _search_issues(entry, searched, where)
    if type_ in FIRST_RESOURCE:
        yield from linkage_issues(bundle, index, type_, path)


def _link_issues(bundle: dict[str, Any], type_: str, path: str) -> Iterator[Issue]:
    links = bundle.get("link")
    seen: set[str] = set()
    for position, link in enumerate(links if isinstance(links, list) else ()):
        relation = link.get("relation") if isinstance(link, dict) else None
        if not isinstance(relation, str):
            continue
        where = f"{path}.link[{position}].relation"
        if relation in _PAGING and type_ and type_ not in _PAGED_TYPES:
            text = (
                "Links to pages (first, previous, next, last) belong to searchset and history Bundles only."
            )
            yield error("invalid", text, where, "bundle-link-paging")
        elif relation in seen and (relation == "self" or relation in _PAGING):
            yield error("invalid", "A Bundle has each of these links once.", where, "bundle-link-once")
        seen.add(relation)


def _first_entry_issues(bundle: dict[str, Any], type_: str, path: str) -> Iterator[Issue]:
    expected = FIRST_RESOURCE.get(type_)
    if expected is None:
        return
    first = next((entry for position, entry in entries_of(bundle) if position == 0), None)
    resource = first.get("resource") if first else None
    if not isinstance(resource, dict):
        text = f"A {type_} Bundle begins with an entry that holds a {expected}."
        yield error("invalid", text, f"{path}.entry[0]" if first else path, f"bundle-{type_}")
    elif resource.get("resourceType") != expected:
        text = f"The first resource of a {type_} Bundle is a {expected}."
        yield error("invalid", text, f"{path}.entry[0].resource", f"bundle-{type_}")


def _uniqueness_issues(bundle: dict[str, Any], type_: str, path: str) -> Iterator[Issue]:
    """bdl-7: a fullUrl occurs once, or for different versions of a resource; https://hl7.org/fhir/R4/bundle.html#bdl-7."""
    if type_ == "history":
        return
    seen: set[tuple[str, str]] = set()
    for position, entry in entries_of(bundle):
        full_url, resource = entry.get("fullUrl"), entry.get("resource")
        if not isinstance(full_url, str):
            continue
        meta = resource.get("meta") if isinstance(resource, dict) else None
        version = meta.get("versionId") if isinstance(meta, dict) else None
        key = (full_url, version if isinstance(version, str) else "")
        if key in seen:
            text = "Another entry has this fullUrl, and the same version or none: fullUrl must be unique."
            yield error("invariant", text, f"{path}.entry[{position}].fullUrl", "bdl-7")
        seen.add(key)


def _full_url_issues(entry: dict[str, Any], type_: str, where: str) -> Iterator[Issue]:
    full_url, resource = entry.get("fullUrl"), entry.get("resource")
    if not isinstance(full_url, str):
        if type_ and type_ not in _CARRIERS and "_fullUrl" not in entry:
            text = "An entry has a fullUrl, except in transactions, batches and their responses."
            yield error("required", text, where, "bundle-fullurl-required")
        return
    if not is_absolute(full_url):
        text = "fullUrl must be an absolute URL or a urn:uuid: or urn:oid: URI, not a relative reference."
        yield error("invalid", text, f"{where}.fullUrl", "bundle-fullurl-absolute")
        return
    if "/_history/" in full_url and full_url.startswith("http"):
        text = "fullUrl must not name a version of the resource."
        yield error("invariant", text, f"{where}.fullUrl", "bdl-8")
        return
    link = rest_url(full_url)
    if not isinstance(resource, dict):
        return
    id_ = resource.get("id")
    if link is None:
        if full_url == resource.get("url") and full_url.rpartition("/")[2] != id_:
            text = (
                "A canonical address is no fullUrl unless it ends with the type and the id of the resource."
            )
            yield error("invalid", text, f"{where}.fullUrl", "bundle-fullurl-id")
        return
    if id_ is None and type_ in _CARRIERS:
        return
    if resource.get("resourceType") != link.type_name or id_ != link.id:
        text = "A fullUrl that is a RESTful URL ends with the type and the id of the entry's resource."
        yield error("invalid", text, f"{where}.fullUrl", "bundle-fullurl-id")


def _request_issues(entry: dict[str, Any], type_: str, where: str) -> Iterator[Issue]:
    """bdl-3 and bdl-4 ask for requests and responses; what a request needs beside it is the text of its method."""
    request, resource = entry.get("request"), entry.get("resource")
    if type_ not in ("transaction", "batch") or not isinstance(request, dict):
        return
    method, url = request.get("method"), request.get("url")
    if not isinstance(method, str):
        return
    if method in _BODY_METHODS and resource is None:
        yield error(
            "required", f"A request of method {method} needs a resource.", where, "bundle-request-body"
        )
    if method in _BODILESS_METHODS and resource is not None:
        text = f"A request of method {method} takes no resource."
        yield Issue("warning", "business-rule", text, where, "bundle-request-body")
    if not isinstance(url, str) or not isinstance(resource, dict) or method not in _BODY_METHODS:
        return
    name = url.partition("?")[0].strip("/").partition("/")[0]
    if name in RESOURCE_TYPES and "$" not in url and resource.get("resourceType") != name:
        text = "The type in the request's url is not that of the entry's resource."
        yield error("invalid", text, f"{where}.request.url", "bundle-request-type")


def _searched_types(bundle: dict[str, Any]) -> frozenset[str]:
    """The types that the self link of a searchset asks for; none where it does not tell."""
    links = bundle.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "self" and isinstance(link.get("url"), str):
            address, _, query = link["url"].partition("?")
            name = address.rpartition("/")[2]
            if name in RESOURCE_TYPES:
                return frozenset({name})
            asked = (each.removeprefix("_type=") for each in query.split("&") if each.startswith("_type="))
            return frozenset(",".join(asked).split(",")) & RESOURCE_TYPES
    return frozenset()


def _search_issues(entry: dict[str, Any], searched: frozenset[str], where: str) -> Iterator[Issue]:
    resource, search = entry.get("resource"), entry.get("search")
    if resource is None:
        yield error("invalid", "An entry of a searchset holds a resource.", where, "bundle-search-resource")
    mode = search.get("mode") if isinstance(search, dict) else None
    if not isinstance(resource, dict):
        return
    if mode == "outcome" and resource.get("resourceType") != "OperationOutcome":
        text = "The search mode outcome is for an OperationOutcome only."
        yield error("invalid", text, f"{where}.search.mode", "bundle-search-outcome")
    if mode == "match" and searched and resource.get("resourceType") not in searched:
        text = (
            "A match is of a type that was searched for, by the self link; what comes with it is an include."
        )
        yield error("invalid", text, f"{where}.resource", "bundle-search-type")
    if mode in ("match", "include") and "id" not in resource:
        text = "A resource found by a search has an id."
        yield error("invalid", text, f"{where}.resource", "bundle-search-id")
