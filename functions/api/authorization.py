"""Bearer tokens on the way in, and the token endpoint.

https://www.rfc-editor.org/rfc/rfc6750#section-2.1 and https://www.rfc-editor.org/rfc/rfc6749#section-5
"""

from __future__ import annotations

import re
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response

from functions.api.exchange import ApiRequest, plain_json
from functions.api.services import ApiServices
from shared.domain.access.caller import ANONYMOUS, Caller
from shared.domain.fhir.search_values import parse_query
from shared.domain.traces import traceparent_of
from shared.errors import InputError, NotFound, Unauthenticated
from shared.ports.tokens import TokenVerifier
from shared.services.tokens import TokenEndpoint, TokenRefused

_BEARER: Final = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/=-]+)")


def caller_of(headers: Headers, verifier: TokenVerifier) -> Caller:
    """The caller that the one Authorization header shows. Raises Unauthenticated."""
    token = verifier.verify(_bearer(headers))
    return Caller(token.client, token.tenant, token.scopes, trace=trace_of(headers))


def scraper_of(services: ApiServices, headers: Headers) -> Caller:
    """Whoever may read the metrics, as nobody's caller. Raises Unauthenticated."""
    if not services.scrape_access.is_open:
        services.scrape_access.require(_bearer(headers))
    return ANONYMOUS


def _bearer(headers: Headers) -> str:
    shown = headers.getlist("authorization")
    if not shown:
        raise Unauthenticated("no-token")
    match = _BEARER.fullmatch(shown[0]) if len(shown) == 1 else None
    if match is None:
        raise Unauthenticated("not-bearer")
    return match[1]


def trace_of(headers: Headers) -> str:
    """The trace context of the request, or the empty string where it is of another form."""
    return traceparent_of(headers.get("traceparent", ""))


def token(services: ApiServices, request: ApiRequest) -> Response:
    """POST /auth/token"""
    endpoint = _endpoint(services)
    try:
        form = _form(request)
        grant = endpoint.grant(form, request.headers.get("authorization"))
    except TokenRefused as refused:
        status = 401 if refused.code == "invalid_client" else 400
        services.meter.count("galen_refused_total", status=str(status), reason=refused.reason)
        headers = {"WWW-Authenticate": 'Basic realm="galen"'} if status == 401 else {}
        return plain_json({"error": refused.code, "error_description": refused.text}, status, headers)
    granted = {
        "access_token": grant.access_token,
        "token_type": "bearer",
        "expires_in": grant.expires_in_s,
        "scope": grant.scope,
    }
    return plain_json(granted, headers={"Pragma": "no-cache"})


def _form(request: ApiRequest) -> dict[str, str]:
    try:
        pairs = parse_query(request.body)
    except InputError as wrong:
        raise TokenRefused("invalid_request", wrong.text) from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise TokenRefused("invalid_request", "A parameter is there twice.")
    return form


def key_set(services: ApiServices, request: ApiRequest) -> Response:
    """GET /auth/jwks"""
    request.only()
    return plain_json(_endpoint(services).key_set())


def smart_configuration(services: ApiServices, request: ApiRequest) -> Response:
    """GET /fhir/.well-known/smart-configuration"""
    request.only()
    return plain_json(_endpoint(services).smart_configuration())


def _endpoint(services: ApiServices) -> TokenEndpoint:
    if services.token_endpoint is None:
        raise NotFound("This server issues no tokens: ask the issuer it trusts.")
    return services.token_endpoint
