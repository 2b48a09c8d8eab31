"""What the platform says about itself: capabilities, health, metrics."""

from __future__ import annotations

from functools import lru_cache

from starlette.responses import Response

from functions.api.exchange import ApiRequest, fhir, plain_json
from functions.api.services import ApiServices
from shared.domain.fhir import json
from shared.domain.observability.prometheus import CONTENT_TYPE, render
from shared.services.fhir.capability import capability_statement


def metadata(services: ApiServices, request: ApiRequest) -> Response:
    """GET /fhir/metadata"""
    request.only("mode")
    endpoint = services.token_endpoint
    token_url = endpoint.smart_configuration()["token_endpoint"] if endpoint else None
    return fhir(_statement(request.fhir_base, token_url))


@lru_cache(maxsize=8)
def _statement(base_url: str, token_url: str | None) -> str:
    """Encoded once: it has 146 types, and changes only with the address."""
    return json.encode(capability_statement(base_url, token_url=token_url))


def health(services: ApiServices, request: ApiRequest) -> Response:
    """GET /health: 200 where every dependency answers, else 503."""
    request.only()
    found = services.health.check()
    well = all(dependency["status"] == "ok" for dependency in found.values())
    shown = {
        "status": "ok" if well else "unavailable",
        "dependencies": {name: dict(d) for name, d in found.items()},
    }
    return plain_json(shown, 200 if well else 503, {} if well else {"Retry-After": "1"})


def metrics(services: ApiServices, request: ApiRequest) -> Response:
    """GET /metrics"""
    request.only()
    return Response(render(services.metrics.snapshot()), headers={"Content-Type": CONTENT_TYPE})
