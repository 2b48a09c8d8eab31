"""The HTTP door on Lambda: every address of an HTTP API (payload format 2.0) to the one ASGI application, by Mangum.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from functions.aws.telling import leave
from functions.needs import API
from shared.names import ORIGIN_HEADER

if TYPE_CHECKING:
    from mangum import Mangum

    from shared.bootstrap import Services
    from shared.domain.access.scraping import ScrapeAccess

NEEDS = {"api": API}
_TEXT = ["text/", "application/json", "application/fhir+json", "application/x-ndjson"]
"""The types of answers that are text: any other leaves in base64."""
ANSWER_BYTES = 6 << 20
"""What Lambda hands over of an answer: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


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
    from shared.bootstrap import services

    try:
        if refused := past_the_edge(services().origin_access, event["headers"]):
            services().meter.count("galen_refused_total", status="403", reason="past-the-edge")
            return refused
        return within_bounds(_api()(event, context))
    finally:
        leave(services())


def past_the_edge(edge: "ScrapeAccess", headers: dict[str, str]) -> dict[str, Any] | None:
    """The refusal of who calls API Gateway by its own address, and so past CloudFront and its firewall; else None."""
    from shared.errors import Unauthenticated

    try:
        edge.require(headers.get(ORIGIN_HEADER, ""))
    except Unauthenticated:
        return _outcome(403, "forbidden", "This address is not open to callers: use the one you were given.")
    return None


def within_bounds(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, or what to do where it is longer than Lambda hands over: there the client would be told nothing."""
    if len(answer["body"]) < ANSWER_BYTES // 12 or len(json.dumps(answer)) <= ANSWER_BYTES:
        return answer  # a letter is at most twelve in JSON
    text = "The answer is longer than 6 MB, the most that this server hands over: ask for less with _count."
    return _outcome(422, "too-costly", text)


def _outcome(status: int, code: str, text: str) -> dict[str, Any]:
    """An answer that the application did not give."""
    from shared.domain.fhir import json as fhir
    from shared.domain.fhir.outcome import error, operation_outcome

    body = fhir.encode(operation_outcome([error(code, text)]))
    headers = {"content-type": "application/fhir+json", "content-length": str(len(body))}
    return {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": False}
