"""The HTTP door on Azure Functions: every address to the one ASGI application.

The classic binding joins repeated parameters and loses empty ones; the URL it hands over is true, and the middleware
reads that.
"""

import logging
from functools import cache

import azure.functions as func

http = func.Blueprint()
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


@http.function_name("api")
@http.route(route="{*route}", methods=_METHODS, auth_level=func.AuthLevel.ANONYMOUS)
async def api(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Any method, any path; tokens are checked by the application itself."""
    response: func.HttpResponse = await _api().handle_async(req, context)
    return response
