"""The HTTP door on Azure Functions: every address to the one ASGI application.

The classic binding joins repeated parameters and loses empty ones; the URL it hands over is true, and the middleware
reads that.
"""

import logging
import re
from functools import cache
from urllib.parse import unquote_to_bytes

import azure.functions as func

from functions.needs import API, RINGS

http = func.Blueprint()
NEEDS = {"api": (*API, RINGS)}
_ESCAPES = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@cache
def _api() -> func.AsgiMiddleware:
    """Built at the first request, so that indexing the functions loads neither SDK nor resource models."""
    from functions.api.app import create_api
    from shared.bootstrap import services

    logging.getLogger().addFilter(without_bodies)
    return func.AsgiMiddleware(create_api(services()))


def without_bodies(record: logging.LogRecord) -> bool:
    """Whether a record may be logged: at level debug the middleware would write whole answers through the root logger."""
    return record.module != "_http_asgi"


def readable(req: func.HttpRequest) -> func.HttpRequest:
    """The request with such escapes of its path that are no UTF-8 as plain text: the middleware fails on them."""
    path, question, query = req.url.partition("?")
    shown = _ESCAPES.sub(_as_text_unless_utf8, path)
    if shown == path:
        return req
    return func.HttpRequest(
        req.method,
        shown + question + query,
        headers=req.headers,
        params=req.params,
        route_params=req.route_params,
        body=req.get_body(),
    )


def _as_text_unless_utf8(escapes: re.Match[str]) -> str:
    try:
        unquote_to_bytes(escapes[0]).decode()
    except UnicodeDecodeError:
        return escapes[0].replace("%", "%25")
    return escapes[0]


@http.function_name("api")
@http.route(route="{*route}", methods=_METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def api(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Any method, any path; tokens are checked by the application itself."""
    response: func.HttpResponse = await _api().handle_async(readable(req), context)
    return response
