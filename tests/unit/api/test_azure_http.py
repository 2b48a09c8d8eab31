"""The same application behind the classic HTTP binding of Azure Functions."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys

import azure.functions as func
import pytest

from functions.azure.http import http, readable, without_bodies
from tests.unit.api.world import Client, World, observation

HOST = "http://localhost:7071"


def ask(client: Client, method: str, path: str, body: bytes = b"", **headers: str) -> func.HttpResponse:
    """A request as the binding hands it over: parameters joined by commas, the URL as it came."""
    sent = {"host": "localhost:7071", **client.headers, **headers}
    request = func.HttpRequest(
        method, HOST + path, headers=sent, params={"code": "a,b"}, route_params={}, body=body
    )
    answer: func.HttpResponse = asyncio.run(func.AsgiMiddleware(client.app).handle_async(readable(request)))
    return answer


def test_repeated_parameters_stay_and_and_empty_ones_are_seen(client: Client) -> None:
    both = {"coding": [{"system": "http://loinc.org", "code": "a"}, {"system": "urn:s", "code": "b"}]}
    client("POST", "/fhir/Observation", fhir=observation("p", code="a"))
    client("POST", "/fhir/Observation", fhir={**observation("p"), "code": both})
    assert b'"total":1,' in ask(client, "GET", "/fhir/Observation?code=a&code=b").get_body()
    assert b'"total":2,' in ask(client, "GET", "/fhir/Observation?code=a,b").get_body()
    assert ask(client, "GET", "/fhir/Observation?code=").status_code == 400


def test_a_write_keeps_its_headers_and_answers_with_absolute_links(client: Client) -> None:
    json = {"content-type": "application/fhir+json"}
    created = ask(client, "POST", "/fhir/Patient", b'{"resourceType":"Patient"}', **json)
    assert created.status_code == 201
    assert created.headers["location"].startswith(f"{HOST}/fhir/Patient/")
    assert created.headers["etag"].startswith('W/"')
    assert created.mimetype == "application/fhir+json; charset=utf-8"


def test_a_path_that_is_no_utf8_is_answered_like_any_other(client: Client) -> None:
    refused = ask(client, "GET", "/fhir/Patient/%ff%C3%A9?_format=json")
    assert (refused.status_code, b"OperationOutcome" in refused.get_body()) == (400, True)
    assert ask(client, "GET", "/fhir/Patient/%ff", authorization="").status_code == 401
    assert ask(client, "GET", "/fhir/%50atient").status_code == 200


def test_a_stream_of_alerts_ends(world: World, client: Client) -> None:
    world.raised.append({"id": "1"})
    assert b'data: {"id":"1"}' in ask(client, "GET", "/alerts/stream").get_body()


def test_one_function_takes_every_address_and_method() -> None:
    app = func.FunctionApp()
    app.register_functions(http)
    (function,) = app.get_functions()
    binding = function.get_bindings_dict()["bindings"][0]
    assert (function.get_function_name(), binding["route"]) == ("api", "{*route}")
    assert len(binding["methods"]) == len(func.HttpMethod)


def test_answers_are_not_logged_at_level_debug(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    root = logging.getLogger()
    root.addFilter(without_bodies)
    try:
        with caplog.at_level(logging.DEBUG):
            ask(client, "GET", "/fhir/Patient")
    finally:
        root.removeFilter(without_bodies)
    assert "searchset" not in caplog.text


def test_indexing_loads_nothing_heavy() -> None:
    code = (
        "import sys, functions.azure.http;"
        "heavy = ('azure.cosmos', 'azure.storage', 'fhir', 'pydantic', 'starlette', 'cryptography', 'jwt');"
        "print(*[name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
