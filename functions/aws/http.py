"""The HTTP door on Lambda: every address of an HTTP API (payload format 2.0) to the one ASGI application, by Mangum.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from functions.needs import API

if TYPE_CHECKING:
    from mangum import Mangum

    from shared.bootstrap import Services

NEEDS = {"api": API}
_TEXT = ["text/", "application/json", "application/fhir+json", "application/x-ndjson"]
"""The types of answers that are text: any other leaves in base64."""


def gateway(services: "Services") -> "Mangum":
    """What answers the events of API Gateway."""
    from mangum import Mangum

    from functions.api.app import create_api

    return Mangum(create_api(services), lifespan="off", text_mime_types=_TEXT)


@cache
def _api() -> "Mangum":
    """Built at the first request: what it needs is no part of importing this file."""
    from shared.bootstrap import services

    return gateway(services())


def api(event: Any, context: Any) -> dict[str, Any]:
    """Any method, any path; tokens are checked by the application itself."""
    return _api()(event, context)
