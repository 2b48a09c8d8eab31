"""API Gateway's stand-in before the real handler: what a client sends arrives, what is too much for Lambda is refused."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import httpx
import pytest

from infra.components.aws.function_plan import FunctionPlan
from local.lambdas.function import PAYLOAD_BYTES, Function
from local.lambdas.gateway import Gateway

ECHO = FunctionPlan("echo", "http", frozenset())


class Echo(Function):
    """Answers with the event it was called with, or fails as it is told."""

    def __init__(self, answer: Any = None) -> None:
        super().__init__(ECHO)
        self._handler = lambda event, context: (
            answer
            or {
                "statusCode": 200,
                "headers": {
                    "content-type": "application/json",
                    "x-left": str(context.get_remaining_time_in_millis() > 0),
                },
                "body": json.dumps(event),
                "isBase64Encoded": False,
            }
        )


def ask(function: Function, method: str, path: str, **request: Any) -> httpx.Response:
    gateway = Gateway(function, [{"name": "echo"}])

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(gateway)
        async with httpx.AsyncClient(transport=transport, base_url="http://galen.test") as client:
            return await client.request(method, path, **request)

    try:
        return asyncio.run(send())
    finally:
        gateway.close()


def test_the_query_arrives_as_sent_the_path_decoded_and_equal_headers_joined() -> None:
    answer = ask(Echo(), "GET", "/fhir/a%20b?x=1&x=%C3%A4&y=", headers=[("x-a", "1"), ("x-a", "2")])
    event = answer.json()
    assert (event["rawPath"], event["rawQueryString"]) == ("/fhir/a b", "x=1&x=%C3%A4&y=")
    assert event["headers"]["x-a"] == "1,2"
    assert event["requestContext"]["http"]["method"] == "GET"
    assert answer.headers["x-left"] == "True"


@pytest.mark.parametrize(
    ("content", "sent"), [("application/json", False), ("text/plain", False), ("application/fhir+json", True)]
)
def test_a_body_that_is_no_text_to_the_gateway_comes_in_base64(content: str, sent: bool) -> None:
    event = ask(Echo(), "POST", "/", content=b"{}", headers={"content-type": content}).json()
    assert event["isBase64Encoded"] is sent


def test_a_packed_body_comes_in_base64_whatever_it_says_it_is() -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert ask(Echo(), "POST", "/", content=gzip.compress(b"{}"), headers=headers).json()["isBase64Encoded"]


@pytest.mark.parametrize("size", [PAYLOAD_BYTES, 11 << 20])
def test_what_lambda_or_the_gateway_does_not_take_is_refused(size: int) -> None:
    assert ask(Echo(), "POST", "/", content=b"x" * size).status_code == 413


def test_a_handler_that_fails_is_500_and_tells_nothing() -> None:
    function = Echo()
    function._handler = lambda *_: 1 / 0
    answer = ask(function, "GET", "/")
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})
