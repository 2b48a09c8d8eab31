"""Files and requests as Lambda hands them over, through the use cases over memory."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from functions.aws.batches import counted
from functions.aws.http import ANSWER_BYTES, gateway, past_the_edge, within_bounds
from functions.aws.landing import receive
from shared.adapters.memory.faults import Failure
from shared.domain.access.scraping import ScrapeAccess
from shared.errors import Unavailable
from shared.names import ORIGIN_HEADER
from tests.delivery.world import World, patient
from tests.unit.api.world import World as Api
from tests.unit.aws.events import http, object_created


def test_an_object_is_taken_up_under_its_own_name() -> None:
    world = World()
    path = world.drop("ward/März 2026+1%20.ndjson", json.dumps(patient("a")).encode() + b"\n")
    receive(world, object_created(path))
    assert len(world.current("Patient")) == 1


@pytest.mark.parametrize(
    "other", [{"source": "aws.ec2"}, {"detail-type": "Object Deleted"}, {"detail-type": "Object Tags Added"}]
)
def test_another_event_takes_up_nothing(other: dict[str, str]) -> None:
    world = World()
    path = world.drop("ward/a.ndjson", json.dumps(patient("a")).encode())
    receive(world, {**object_created(path), **other})
    assert world.current() == []


def test_a_store_that_is_away_makes_lambda_call_again() -> None:
    world = World()
    path = world.drop("ward/a.ndjson", json.dumps(patient("a")).encode())
    world.script.plan = lambda _name, _writes: Failure(Unavailable())
    with pytest.raises(Unavailable):
        receive(world, object_created(path))


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    """The one of this thread, which Mangum would otherwise make and leave open: a Lambda function ends with its process."""
    made = asyncio.new_event_loop()
    asyncio.set_event_loop(made)
    yield
    asyncio.set_event_loop(None)
    made.close()


class Door:
    """The API behind API Gateway."""

    def __init__(self) -> None:
        self.world = Api()
        self._gateway = gateway(self.world)
        self._headers = {"authorization": f"Bearer {self.world.token()}"}

    def __call__(self, method: str, path: str, query: str = "", **more: Any) -> dict[str, Any]:
        headers = {**self._headers, **more.pop("headers", {})}
        answer = self._gateway(json.loads(json.dumps(http(method, path, query, **more, **headers))), None)
        json.dumps(answer)  # as Lambda does
        return dict(answer)


def test_a_resource_goes_in_and_comes_out_as_text() -> None:
    door = Door()
    body = json.dumps(patient())
    made = door("POST", "/fhir/Patient", body=body, headers={"content-type": "application/fhir+json"})
    assert (made["statusCode"], made["isBase64Encoded"]) == (201, False)
    identity = json.loads(made["body"])["id"]
    assert made["headers"]["location"].startswith(
        f"https://api.example.org/fhir/Patient/{identity}/_history/"
    )
    read = door("GET", f"/fhir/Patient/{identity}")
    assert json.loads(read["body"])["gender"] == "female"
    assert read["headers"]["etag"] == made["headers"]["etag"]


def test_repeated_parameters_are_both_heard() -> None:
    door = Door()
    query = "_lastUpdated=ge2020-01-01&_lastUpdated=le2030-01-01"
    answer = door("GET", "/fhir/Patient", query)
    (link,) = [each for each in json.loads(answer["body"])["link"] if each["relation"] == "self"]
    assert query in link["url"]


def test_a_packed_body_arrives_as_bytes() -> None:
    packed = gzip.compress(json.dumps(patient()).encode())
    headers = {"content-type": "application/fhir+json", "content-encoding": "gzip"}
    assert Door()("POST", "/fhir/Patient", body=packed, headers=headers)["statusCode"] == 201


def test_who_shows_no_token_is_refused() -> None:
    answer = Door()("GET", "/fhir/Patient", headers={"authorization": ""})
    assert answer["statusCode"] == 401
    assert json.loads(answer["body"])["resourceType"] == "OperationOutcome"


def test_health_and_counts_are_text() -> None:
    door = Door()
    for path in ("/health", "/metrics"):
        answer = door("GET", path)
        assert not answer["isBase64Encoded"]


@pytest.mark.parametrize("body", ["x" * ANSWER_BYTES, "é" * (ANSWER_BYTES // 5), "\\" * (ANSWER_BYTES // 2)])
def test_an_answer_that_lambda_would_not_hand_over_says_to_ask_for_less(body: str) -> None:
    answer = {"statusCode": 200, "headers": {}, "body": body, "isBase64Encoded": False}
    told = within_bounds(answer)
    assert told["statusCode"] == 422
    (issue,) = json.loads(told["body"])["issue"]
    assert (issue["code"], "_count" in issue["details"]["text"]) == ("too-costly", True)
    assert len(json.dumps(told)) < ANSWER_BYTES


def test_who_calls_past_the_edge_is_refused() -> None:
    rule = sha256(b"token").hexdigest()
    for headers in ({}, {ORIGIN_HEADER: "another"}, {ORIGIN_HEADER: rule}):
        refused = past_the_edge(ScrapeAccess(rule), headers)
        assert refused is not None
        assert refused["statusCode"] == 403
        outcome = json.loads(refused["body"])
        assert (outcome["resourceType"], outcome["issue"][0]["code"]) == ("OperationOutcome", "forbidden")
    assert past_the_edge(ScrapeAccess(rule), {ORIGIN_HEADER: "token"}) is None
    assert past_the_edge(ScrapeAccess("open"), {}) is None


def test_an_answer_that_fits_is_left_as_it_is() -> None:
    answer = {
        "statusCode": 200,
        "headers": {},
        "body": "x" * (ANSWER_BYTES - 1_000),
        "isBase64Encoded": False,
    }
    assert within_bounds(answer) is answer


def test_what_one_invocation_counted_is_there_though_its_process_never_runs_again() -> None:
    world = World()
    with pytest.raises(KeyError):
        counted(world, lambda: world.metrics.count("galen_lines_total", door="stream") or {}["defect"])
    again = World(world.stores).metrics.snapshot()
    assert [sample.value for sample in again if sample.name == "galen_lines_total"] == [1]


def test_counts_that_cannot_be_left_fail_no_invocation() -> None:
    world = World()
    world.script.plan = lambda _name, _writes: Failure(Unavailable())
    assert counted(world, lambda: 7) == 7
