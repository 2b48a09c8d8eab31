"""The interactions on single resources and their history.

https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

import re
from typing import Any, Final

from starlette.responses import Response

from functions.api.exchange import ApiRequest, fhir, location, version_headers
from functions.api.negotiation import create_only, if_match, none_match, preferences
from functions.api.services import ApiServices, WrittenVersion
from shared.domain.fhir.identity import is_minted, is_valid_id
from shared.domain.fhir.outcome import Issue, error, operation_outcome
from shared.domain.fhir.search_request import MAX_COUNT, PAGE
from shared.domain.fhir.search_values import refuse
from shared.domain.records import StoredResource
from shared.errors import InputError, NotFound

HISTORY_COUNT: Final = 50
_WHOLE: Final = re.compile(r"[0-9]{1,6}")


def create(services: ApiServices, request: ApiRequest) -> Response:
    """POST /fhir/{type}, with If-None-Exist as a conditional create."""
    request.only()
    resource = _resource(request)
    criteria = request.headers.get("if-none-exist")
    if criteria is None:
        return _written(request, services.interactions.create(request.caller, resource))
    request.caller.require(request.path["type"], "search")
    return _written(request, services.conditional.create(request.caller, resource, criteria.lstrip("?")))


def read(services: ApiServices, request: ApiRequest) -> Response:
    """GET /fhir/{type}/{id}"""
    request.only()
    return _shown(request, services.interactions.read(request.caller.tenant, request.key))


def vread(services: ApiServices, request: ApiRequest) -> Response:
    """GET /fhir/{type}/{id}/_history/{version}"""
    request.only()
    version = request.path["version"]
    if not is_valid_id(version):
        raise NotFound("No such version of this resource.")
    return _shown(request, services.interactions.vread(request.caller.tenant, request.key, version))


def update(services: ApiServices, request: ApiRequest) -> Response:
    """PUT /fhir/{type}/{id}, with If-None-Match: * only where nothing is there."""
    request.only()
    key = request.key
    resource = _resource(request)
    if resource.get("id") != key.id:
        text = "The resource's id must be there and be the id in the URL."
        raise InputError(text, issues=[error("invalid", text, f"{key.type}.id", "update-id")])
    return _written(
        request,
        services.interactions.update(
            request.caller,
            key,
            resource,
            if_match=if_match(request.headers),
            create_only=create_only(request.headers),
        ),
    )


def delete(services: ApiServices, request: ApiRequest) -> Response:
    """DELETE /fhir/{type}/{id}; deleting what is not there succeeds too."""
    request.only()
    version = if_match(request.headers)
    tombstone = services.interactions.delete(request.caller, request.key, if_match=version)
    headers = {"ETag": f'W/"{tombstone.version}"'} if tombstone else {}
    return Response(status_code=204, headers=headers)


def history(services: ApiServices, request: ApiRequest) -> Response:
    """GET /fhir/{type}/{id}/_history"""
    asked = request.only("_count", PAGE)
    key, tenant = request.key, request.caller.tenant
    count = asked.get("_count", str(HISTORY_COUNT))
    if not _WHOLE.fullmatch(count) or not 0 < int(count) <= MAX_COUNT:
        raise refuse(f"_count of a history is a whole number from 1 to {MAX_COUNT}.")
    question = f"history {key}"
    after = services.page_tokens.open(tenant, question, asked[PAGE])[0] if PAGE in asked else None
    page = services.interactions.history(tenant, key, count=int(count), after=after)
    here = f"{request.fhir_base}/{key}/_history?_count={count}"
    links = [{"relation": "self", "url": here + (f"&{PAGE}={asked[PAGE]}" if PAGE in asked else "")}]
    if page.next:
        token = services.page_tokens.seal(tenant, question, (page.next, ""))
        links.append({"relation": "next", "url": f"{here}&{PAGE}={token}"})
    entries = [
        _history_entry(request.fhir_base, stored, created=stored.version in page.created)
        for stored in page.entries
    ]
    bundle = {"resourceType": "Bundle", "type": "history", "link": links}
    return fhir(bundle | ({"entry": entries} if entries else {}))


def _history_entry(base: str, stored: StoredResource, *, created: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"fullUrl": f"{base}/{stored.key}"}
    if not stored.deleted:
        entry["resource"] = stored.resource
    if stored.deleted:
        method, url, status = "DELETE", str(stored.key), "204"
    elif created and is_minted(stored.key.id):
        # Whoever creates under an id of ours has posted to the type.
        method, url, status = "POST", stored.key.type, "201"
    else:
        method, url, status = "PUT", str(stored.key), "201" if created else "200"
    entry["request"] = {"method": method, "url": url}
    entry["response"] = {
        "status": status,
        "etag": f'W/"{stored.version}"',
        "lastModified": stored.last_updated,
    }
    return entry


def _resource(request: ApiRequest) -> dict[str, Any]:
    """The body as a resource of the type in the URL. Raises InputError (400)."""
    resource = request.document()
    type_ = request.path["type"]
    if resource.get("resourceType") != type_:
        text = f"The body must be a resource of the type in the URL: resourceType {type_}."
        raise InputError(text, issues=[error("invalid", text, f"{type_}.resourceType", "resource-type")])
    return resource


def _shown(request: ApiRequest, stored: StoredResource) -> Response:
    headers = version_headers(stored)
    if none_match(request.headers, stored.version):
        return Response(status_code=304, headers=headers)
    return fhir(stored.body, 200, headers)


def _written(request: ApiRequest, written: WrittenVersion) -> Response:
    """201 or 200 with the headers of the version, the body as Prefer asks."""
    stored = written.stored
    headers = version_headers(stored) | {"Location": location(request.fhir_base, stored)}
    returns = preferences(request.headers).returns
    if returns == "minimal":
        return Response(status_code=written.status, headers=headers)
    if returns == "OperationOutcome":
        done = "The resource was created." if written.status == 201 else "The resource is as sent."
        return fhir(operation_outcome([Issue("information", "informational", done)]), written.status, headers)
    return fhir(stored.body, written.status, headers)
