"""Capabilities, health, metrics, and the application as a server runs it."""

from __future__ import annotations

import asyncio
from typing import Any

from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from tests.unit.api.world import BASE, Client, World


def test_the_capability_statement_is_valid_and_true(world: World) -> None:
    statement = Client(world, None)("GET", "/fhir/metadata").json()
    CapabilityStatement.model_validate(statement)
    rest = statement["rest"][0]
    assert statement["implementation"]["url"] == f"{BASE}/fhir"
    assert (
        "not isolated" in next(i for i in rest["interaction"] if i["code"] == "transaction")["documentation"]
    )
    by_type = {resource["type"]: resource for resource in rest["resource"]}
    client = Client(world)
    for type_ in ("Patient", "Observation", "Binary", "Organization"):
        parameters = {parameter["name"] for parameter in by_type[type_]["searchParam"]}
        for name in ("_id", "_lastUpdated", "identifier", "code", "date", "patient", "subject"):
            value = "2024" if name in ("date", "_lastUpdated") else "x"
            status = client("GET", f"/fhir/{type_}?{name}={value}").status_code
            assert (status == 200) == (name in parameters), (type_, name)


def test_health_is_503_until_every_dependency_answers(world: World) -> None:
    unwell = Client(World(reachable=False), None)("GET", "/health")
    assert (unwell.status_code, unwell.json()["status"]) == (503, "unavailable")
    found = unwell.json()["dependencies"]
    assert (found["records"]["status"], found["stream vital-signs"]["status"]) == ("ok", "unavailable")
    well = Client(world, None)("GET", "/health")
    assert (well.status_code, well.json()["status"]) == (200, "ok")


def test_metrics_are_shown_as_prometheus_reads_them(world: World, client: Client) -> None:
    client("GET", "/fhir/Patient")
    shown = client("GET", "/metrics")
    assert shown.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'galen_http_requests_total{endpoint="search",status="200"} 1\n' in shown.text


def test_no_metric_names_what_a_caller_sent(world: World, client: Client) -> None:
    for path in (
        "/fhir/Patient/canary4711",
        "/fhir/Canary4711/1",
        "/canary4711",
        "/fhir/Patient?canary4711=1",
    ):
        client("GET", path, headers={"X-Request-Id": "canary4711"})
    assert "anary4711" not in client("GET", "/metrics").text


def test_no_error_shows_what_a_caller_sent(client: Client) -> None:
    for path in (
        "/fhir/Patient/canary_4711",
        "/fhir/Canary4711/1",
        "/canary4711",
        "/fhir/Patient?canary4711=1",
        "/fhir/Patient?_id=canary_4711",
        "/fhir/Observation?date=canary4711",
        "/fhir/Patient?_page=canary4711",
        "/fhir/Observation?code:canary4711=1",
    ):
        assert "anary" not in client("GET", path).text, path


def test_answers_the_lifespan_of_a_server(client: Client) -> None:
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(client.app({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
