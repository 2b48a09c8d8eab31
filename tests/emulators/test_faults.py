"""Faults on demand: latency, refusals, lost and broken answers, throttling, clocks that are off."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.cosmos import ContainerProxy, CosmosClient, PartitionKey
from azure.cosmos.exceptions import CosmosHttpResponseError
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.exceptions import EventHubError
from azure.storage.blob import BlobServiceClient

from local.emulators.faults import Faults, NoFault
from local.emulators.served import ServedEmulators
from local.ports import HOST
from shared.names import HUB_PARTITIONS
from tests.patience import PATIENCE_S

pytest_plugins = ["local.emulators.pytest_plugin"]
_HUB = "vital-signs"
Strike = Callable[..., None]


@pytest.fixture
def strike(running_emulators: ServedEmulators) -> Iterator[Strike]:
    """Lets an emulator fail by a rule until the test is over."""

    def ask(name: str, **rule: Any) -> None:
        answer = httpx.post(f"http://{HOST}:{running_emulators.ports[name]}/_faults", json=rule)
        assert answer.status_code == 200, answer.text

    yield ask
    for port in running_emulators.ports.values():
        assert httpx.delete(f"http://{HOST}:{port}/_faults").json()["faults"] == 0


@pytest.fixture
def container(emulators: dict[str, str]) -> Iterator[ContainerProxy]:
    with CosmosClient.from_connection_string(
        emulators["cosmos"], retry_total=0, retry_throttle_backoff_max=1
    ) as client:
        database = client.create_database_if_not_exists("faults")
        yield database.create_container_if_not_exists("items", PartitionKey("/pk"))


def send(connection: str) -> None:
    with EventHubProducerClient.from_connection_string(
        connection, eventhub_name=_HUB, retry_total=0
    ) as producer:
        producer.send_batch([EventData(b"x")], partition_id="0")


def last_number(connection: str) -> int:
    """The sequence number of the last event in the partition that `send` fills."""
    with EventHubProducerClient.from_connection_string(connection, eventhub_name=_HUB) as producer:
        assert len(producer.get_partition_ids()) == HUB_PARTITIONS
        return int(producer.get_partition_properties("0")["last_enqueued_sequence_number"])


@pytest.mark.emulator_fault("eventhubs", status=503, match="SEND", count=1)
def test_a_busy_hub_refuses_and_keeps_nothing(emulators: dict[str, str]) -> None:
    before = last_number(emulators["eventhubs"])
    with pytest.raises(EventHubError, match="A failure that was asked for"):
        send(emulators["eventhubs"])
    assert last_number(emulators["eventhubs"]) == before
    send(emulators["eventhubs"])


@pytest.mark.parametrize("rule", [{"applied": True}, {"cutAfter": 5}])
def test_an_event_may_be_kept_though_its_sender_hears_nothing_or_half_a_frame(
    emulators: dict[str, str], strike: Strike, rule: dict[str, Any]
) -> None:
    before = last_number(emulators["eventhubs"])
    strike("eventhubs", match="SEND", count=1, **rule)
    with pytest.raises(EventHubError):
        send(emulators["eventhubs"])
    assert last_number(emulators["eventhubs"]) == before + 1


@pytest.mark.parametrize(("name", "status"), [("cosmos", 408), ("cosmos", 410), ("cosmos", 412), ("cosmos", 449),
                                              ("datalake", 408), ("datalake", 412), ("datalake", 429)])  # fmt: skip
def test_http_requests_are_refused_with_the_status_asked_for(
    running_emulators: ServedEmulators, strike: Strike, name: str, status: int
) -> None:
    strike(name, status=status, match="GET /asked", count=1)
    address = f"http://{HOST}:{running_emulators.ports[name]}/asked"
    assert httpx.get(address).status_code == status
    assert httpx.get(address).status_code != status


@pytest.mark.parametrize("name", ["cosmos", "datalake"])
def test_an_answer_breaks_off_within_its_body(
    running_emulators: ServedEmulators, strike: Strike, name: str
) -> None:
    strike(name, cutAfter=3, match="GET /asked")
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"http://{HOST}:{running_emulators.ports[name]}/asked")


@pytest.mark.parametrize("name", ["cosmos", "datalake"])
def test_an_answer_comes_later_than_its_client_waits(
    running_emulators: ServedEmulators, strike: Strike, name: str
) -> None:
    strike(name, latencyMs=2_000, match="GET /asked")
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(
            f"http://{HOST}:{running_emulators.ports[name]}/asked",
            timeout=httpx.Timeout(PATIENCE_S, read=0.1),
        )


def test_cosmos_throttles_to_so_many_units_and_says_when_to_come_back(
    running_emulators: ServedEmulators, container: ContainerProxy, strike: Strike
) -> None:
    strike("cosmos", throttleRu=1)
    made = container.upsert_item({"id": "a", "pk": "p"})
    assert float(made.get_response_headers()["x-ms-request-charge"]) >= 5
    refused = httpx.get(f"http://{HOST}:{running_emulators.ports['cosmos']}/dbs")
    assert (refused.status_code, refused.headers["x-ms-substatus"]) == (429, "3200")
    assert int(refused.headers["x-ms-retry-after-ms"]) > 1000


@pytest.mark.emulator_fault("cosmos", enforceThroughput=True)
def test_a_marked_test_is_held_to_what_a_container_was_given(emulators: dict[str, str]) -> None:
    # A batch uses more than three seconds' units: however slow the machine, one of the next comes too early.
    batch = [("upsert", ({"id": str(at), "pk": "p", "v": "x" * 18_000},)) for at in range(100)]

    def write_much() -> None:
        for _ in range(30):
            container.execute_item_batch(batch, "p")

    with CosmosClient.from_connection_string(emulators["cosmos"], retry_fixed_interval=1) as client:
        database = client.create_database_if_not_exists("faults")
        container = database.create_container_if_not_exists("held", PartitionKey("/pk"))
        with pytest.raises(CosmosHttpResponseError) as refused:
            write_much()
    assert (refused.value.status_code, refused.value.sub_status) == (429, 3200)


def test_a_clock_that_is_off_refuses_signatures_and_stamps_items(
    emulators: dict[str, str], container: ContainerProxy, strike: Strike
) -> None:
    strike("datalake", clockSkewS=-3600)
    strike("cosmos", clockSkewS=3600)
    with BlobServiceClient.from_connection_string(emulators["datalake"], retry_total=0) as service:
        with pytest.raises(ClientAuthenticationError, match="15 minutes"):
            list(service.list_containers())
        strike("datalake", clockSkewS=0)
        assert list(service.list_containers()) is not None
    assert container.upsert_item({"id": "b", "pk": "p"})["_ts"] > time.time() + 3000


def test_what_is_no_fault_is_refused_with_a_reason() -> None:
    faults = Faults({503})
    wrongs: list[Any] = [{"status": 418}, {"unknown": 1}, {"match": "("}, {"rate": "often"}, []]
    for wrong in wrongs:
        with pytest.raises(NoFault):
            faults.set(json.dumps(wrong).encode())
    assert faults.control("POST", b'{"status": 418}')[0] == 400
    assert faults.control("PATCH", b"")[0] == 405


def test_a_rule_strikes_the_same_requests_for_the_same_seed_and_stops_after_its_count() -> None:
    def struck(**rule: Any) -> str:
        faults = Faults({503})
        faults.set(json.dumps(rule).encode())
        return "".join("x" if faults.pick("GET /a") else "." for _ in range(40))

    first = struck(rate=0.5, seed=3)
    assert first == struck(rate=0.5, seed=3) != struck(rate=0.5, seed=4)
    assert re.fullmatch(r"xx\.{38}", struck(count=2))


def test_the_first_of_several_rules_that_strikes_is_the_one() -> None:
    faults = Faults({429, 503})
    faults.set(b'{"status": 429, "match": "POST", "count": 1}')
    faults.set(b'{"status": 503}')
    assert [rule.status for rule in map(faults.pick, ("GET /", "POST /", "POST /")) if rule] == [
        503,
        429,
        503,
    ]


@pytest.mark.emulator_fault("datalake", status=503, match="^PUT", count=1)
def test_a_marked_test_finds_its_fault(emulators: dict[str, str]) -> None:
    with BlobServiceClient.from_connection_string(emulators["datalake"], retry_total=0) as service:
        with pytest.raises(HttpResponseError):
            service.create_container("marked")
        service.create_container("marked")
