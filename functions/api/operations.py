"""Bundles, searches and operations: what concerns more than one resource at once."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from starlette.responses import Response

from functions.api.exchange import ApiRequest, fhir
from functions.api.negotiation import preferences
from functions.api.services import ApiServices
from shared.domain.fhir.dates import parse_instant
from shared.domain.fhir.outcome import error
from shared.domain.fhir.search_values import parse_query, refuse
from shared.errors import InputError
from shared.services.fhir.validate import Asked

_MODEL: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def bundle(services: ApiServices, request: ApiRequest) -> Response:
    """POST /fhir: a transaction or a batch, each entry under the scope it needs itself."""
    request.only()
    body = request.document()
    if body.get("resourceType") != "Bundle" or body.get("type") not in ("transaction", "batch"):
        text = "Only a Bundle of type transaction or batch is posted to the base address."
        raise InputError(text, issues=[error("invalid", text, "Bundle.type", "bundle-type")])
    return fhir(services.bundles.bundle(request.caller, body, request.caller.require))


def search(services: ApiServices, request: ApiRequest) -> Response:
    """GET /fhir/{type}"""
    lenient = preferences(request.headers).lenient
    page = services.search.run(
        request.caller, request.path["type"], request.query(), base_url=request.fhir_base, strict=not lenient
    )
    return fhir(page.text())


def search_by_post(services: ApiServices, request: ApiRequest) -> Response:
    """POST /fhir/{type}/_search: the parameters of the form count with those of the URL."""
    joined = b"&".join(part for part in (request.query_string, request.body) if part)
    parse_query(joined)
    return search(services, replace(request, query_string=joined))


def validate(services: ApiServices, request: ApiRequest) -> Response:
    """$validate at the base, on a type and on an id: 200 with the findings, whatever they are."""
    parameters = request.only("mode", "profile")
    asked = Asked(
        type=request.path.get("type", ""),
        id=request.key.id if "id" in request.path else "",
        mode=parameters.get("mode", ""),
        profile=parameters.get("profile", ""),
        body=request.body if request.method == "POST" else None,
    )
    return fhir(services.validation.run(request.caller, asked))


def risk(services: ApiServices, request: ApiRequest) -> Response:
    """POST /fhir/Patient/{id}/$risk"""
    parameters = request.only("model", "asOf")
    model = parameters.get("model")
    if model is not None and not _MODEL.fullmatch(model):
        raise refuse("model is the name of a score, such as news2.")
    key = replace(request, path={"type": "Patient", **request.path}).key
    as_of = None if "asOf" not in parameters else parse_instant(parameters["asOf"])
    if "asOf" in parameters and as_of is None:
        raise refuse("asOf is an instant with its zone, such as 2026-01-31T08:00:00Z.")
    return fhir(services.risk.assess(request.caller, key.id, model, as_of))
