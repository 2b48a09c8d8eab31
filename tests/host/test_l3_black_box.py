"""L3: the real app from outside, on whatever host serves it at `BASE_URL`.

`BASE_URL=http://localhost:7071 pytest tests/host/test_l3_black_box.py`. The same suite runs against the local host and,
where `func` can be had, against the real one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx
import pytest

from tests.patience import PATIENCE_S

BASE_URL = os.environ.get("BASE_URL", "")
pytestmark = pytest.mark.skipif(
    not BASE_URL, reason="BASE_URL is not set: the running app was not tested from outside"
)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    key = os.environ.get("MASTER_KEY", "")
    with httpx.Client(
        base_url=BASE_URL, timeout=PATIENCE_S, headers={"x-functions-key": key} if key else {}
    ) as opened:
        yield opened


def function_names(client: httpx.Client, trigger: str) -> list[str]:
    functions = client.get("/admin/functions").json()
    return [
        function["name"]
        for function in functions
        if any(binding["type"] == trigger for binding in function["config"]["bindings"])
    ]


def test_health_answers_without_a_token(client: httpx.Client) -> None:
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/")


def test_capability_statement_is_public(client: httpx.Client) -> None:
    answer = client.get("/fhir/metadata")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/fhir+json")
    assert answer.json()["resourceType"] == "CapabilityStatement"


def test_a_bundle_without_a_token_is_refused_with_an_operation_outcome(client: httpx.Client) -> None:
    answer = client.post("/fhir", json={"resourceType": "Bundle", "type": "transaction", "entry": []})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_a_bad_token_is_refused_like_none(client: httpx.Client) -> None:
    answer = client.get("/fhir/Patient/1", headers={"authorization": "Bearer a.b.c"})
    assert answer.status_code == 401


def test_repeated_query_parameters_survive_in_the_url(client: httpx.Client) -> None:
    # without a token the answer is 401 before any parameter is looked at: what matters is that it is no host error
    answer = client.get("/fhir/Observation?date=ge2020&date=lt2021")
    assert answer.status_code == 401


def test_host_says_that_it_runs(client: httpx.Client) -> None:
    answer = client.get("/admin/host/status")
    assert answer.status_code == 200
    assert answer.json()["state"] == "Running"


def test_a_timer_is_started_by_hand(client: httpx.Client) -> None:
    timers = function_names(client, "timerTrigger")
    if not timers:
        pytest.skip("this host does not list a timer function: starting one by hand was not tested")
    answer = client.post(f"/admin/functions/{timers[0]}", json={"input": ""})
    assert answer.status_code == 202


def test_event_grid_handshake(client: httpx.Client) -> None:
    subscribers = function_names(client, "eventGridTrigger")
    if not subscribers:
        pytest.skip("this host does not list an Event Grid function: the handshake was not tested")
    event = [
        {
            "id": "1",
            "topic": "t",
            "subject": "",
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": "2026-01-02T03:04:05Z",
            "data": {"validationCode": "code"},
            "dataVersion": "1",
        }
    ]
    url = f"/runtime/webhooks/eventgrid?functionName={subscribers[0]}"
    answer = client.post(url, json=event, headers={"aeg-event-type": "SubscriptionValidation"})
    assert answer.status_code == 200
    assert answer.json()["validationResponse"] == "code"
