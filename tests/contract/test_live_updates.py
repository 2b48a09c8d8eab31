"""The port of live updates on each place: who listens hears of its own tenant, and who is gone is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from functions.aws.live import authorise, ring
from functions.needs import Access, Thing
from infra.components.aws.rights import ACTIONS
from shared.adapters.aws.live import OPENS, ApiGatewayLive, LiveConnections
from shared.adapters.memory.clock import MemoryClock
from shared.domain.access.live_tickets import LASTS, LiveTickets
from shared.domain.records import Item
from shared.errors import Busy, GalenError, Unauthenticated, Unavailable
from shared.services.alert_order import HOME, AlertOrder
from shared.services.ring_alerts import PAUSE, RingAlerts
from tests.contract.live_places import InMemory, LiveService, OnApiGateway, on_api_gateway, on_web_pubsub
from tests.emulators.aws_server import AwsServer


@pytest.fixture(params=["memory", "api-gateway", "web-pubsub"])
def service(request: pytest.FixtureRequest) -> Iterator[LiveService]:
    match request.param:
        case "memory":
            yield InMemory()
        case "api-gateway":
            aws, dynamodb = request.getfixturevalue("aws"), request.getfixturevalue("dynamodb")
            with on_api_gateway(aws, dynamodb) as made:
                yield made
        case _:
            with on_web_pubsub() as made:
                yield made


@pytest.fixture
def gateway(aws: AwsServer, dynamodb: Any) -> Iterator[OnApiGateway]:
    with on_api_gateway(aws, dynamodb) as made:
        yield made


def test_everybody_of_a_tenant_hears_and_nobody_of_another(service: LiveService) -> None:
    ours = [service.connect(service.live.address("ward")) for _ in range(2)]
    theirs = service.connect(service.live.address("other"))
    service.live.ring("ward")
    assert [service.heard(each) for each in ours] == [1, 1]
    assert service.heard(theirs) == 0
    service.live.ring("ward")
    service.live.ring("other")
    assert [service.heard(each) for each in (*ours, theirs)] == [2, 2, 1]


@pytest.mark.parametrize("politely", [True, False])
def test_who_has_left_hears_nothing_and_keeps_nobody_from_hearing(
    service: LiveService, politely: bool
) -> None:
    stays, leaves = (service.connect(service.live.address("ward")) for _ in range(2))
    service.leave(leaves, politely=politely)
    for _ in range(2):
        service.live.ring("ward")
    assert (service.heard(stays), service.heard(leaves)) == (2, 0)


def test_where_nobody_listens_a_ring_is_no_error(service: LiveService) -> None:
    service.live.ring("ward")


@pytest.mark.parametrize(("status", "expected"), [(429, Busy), (500, Unavailable)])
def test_a_service_that_fails_is_named_and_a_page_of_changes_does_not_wait_for_it(
    service: LiveService, status: int, expected: type[GalenError]
) -> None:
    service.connect(service.live.address("ward"))
    service.fail(status)
    with pytest.raises(expected):
        service.live.ring("ward")
    RingAlerts(service.live).react([_told("ward")])


class Crashing:
    """Live updates that fail as nobody foresaw."""

    def address(self, tenant: str) -> str:
        raise RuntimeError(tenant)

    def ring(self, tenant: str) -> None:
        raise RuntimeError(tenant)


class Silent:
    """Live updates that do not answer, and how often they were asked."""

    def __init__(self) -> None:
        self.asked = 0

    def address(self, tenant: str) -> str:
        raise Unavailable

    def ring(self, tenant: str) -> None:
        self.asked += 1
        raise Unavailable


def test_the_line_waits_once_in_half_a_minute_for_a_service_that_does_not_answer() -> None:
    clock, silent = MemoryClock(), Silent()
    bell = RingAlerts(silent, clock)
    for _ in range(3):
        bell.react([_told("ward"), _told("other")])
    assert silent.asked == 1
    clock.advance(PAUSE.total_seconds())
    bell.react([_told("ward")])
    assert silent.asked == 2


class Choosy:
    """Live updates that fail for some tenants, and who was rung."""

    def __init__(self) -> None:
        self.failing: dict[str, GalenError] = {}
        self.rung: list[str] = []

    def address(self, tenant: str) -> str:
        return tenant

    def ring(self, tenant: str) -> None:
        if tenant in self.failing:
            raise self.failing[tenant]
        self.rung.append(tenant)


def test_a_tenant_of_which_the_service_heard_too_much_keeps_no_other_from_its_bell() -> None:
    clock, choosy = MemoryClock(), Choosy()
    bell = RingAlerts(choosy, clock)
    choosy.failing["ward"] = Busy()
    bell.react([_told("ward"), _told("other")])
    choosy.failing.clear()
    bell.react([_told("ward"), _told("other")])
    assert choosy.rung == ["other", "other"]
    clock.advance(PAUSE.total_seconds())
    bell.react([])
    bell.react([])
    assert choosy.rung == ["other", "other", "ward"]


def test_who_could_not_be_rung_in_a_pause_is_rung_when_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.services.ring_alerts.MOST_OWED", 3)
    clock, choosy = MemoryClock(), Choosy()
    bell = RingAlerts(choosy, clock)
    choosy.failing["ward"] = Unavailable()
    bell.react([_told(tenant) for tenant in ("ward", "other", "ward")])
    choosy.failing.clear()
    bell.react([_told(tenant) for tenant in ("third", "one-too-many")])
    assert choosy.rung == []
    clock.advance(PAUSE.total_seconds())
    bell.react([_told("other")])
    assert choosy.rung == ["other", "ward", "third"]


def test_no_failure_of_the_bell_holds_up_the_changes_that_follow() -> None:
    RingAlerts(Crashing()).react([_told("ward")])


def _told(tenant: str) -> Item:
    return {"id": "told.x", "tenant": tenant, "home": HOME, "kind": "told"}


def test_a_page_of_changes_rings_once_for_each_tenant_whose_alerts_changed(service: LiveService) -> None:
    ours, theirs = (service.connect(service.live.address(tenant)) for tenant in ("ward", "other"))
    quiet = {"id": "Patient.a", "tenant": "other", "home": "0" * 12, "kind": "current"}
    RingAlerts(service.live).react([_told("ward"), _told("ward"), quiet])
    assert (service.heard(ours), service.heard(theirs)) == (1, 0)


def test_who_is_gone_without_a_word_is_removed_from_the_table(gateway: OnApiGateway, dynamodb: Any) -> None:
    gone = gateway.connect(gateway.live.address("ward"))
    gateway.leave(gone, politely=False)
    table = LiveConnections(dynamodb, gateway.place.table, gateway.clock)
    assert [each.id for each in table.of("ward")] == [gone]
    _later(gateway).ring("ward")
    assert table.of("ward") == []


def test_a_connection_that_is_being_opened_is_kept_though_it_cannot_be_told_yet(
    gateway: OnApiGateway, dynamodb: Any
) -> None:
    opening = gateway.connect(gateway.live.address("ward"))
    tenant = gateway.open.pop(opening)
    gateway.live.ring("ward")
    gateway.open[opening] = tenant
    gateway.live.ring("ward")
    assert gateway.heard(opening) == 1


def _later(gateway: OnApiGateway) -> ApiGatewayLive:
    now = gateway.clock.now() + OPENS + timedelta(seconds=1)
    return ApiGatewayLive(gateway.place, MemoryClock(now))


def test_an_address_opens_a_minute_long_and_for_nobody_who_changed_it(gateway: OnApiGateway) -> None:
    tickets = LiveTickets(b"k" * 32)
    sold = tickets.sell("ward", gateway.clock.now(), "1")
    forged = LiveTickets(b"x" * 32).sell("ward", gateway.clock.now(), "2")
    for ticket in ("", "?", sold[:-2], sold[::-1], forged, "é", "A" * 300):
        assert _effect(ticket) == "Deny"
        with pytest.raises(Unauthenticated):
            tickets.take(ticket, gateway.clock.now())
    assert [_effect(sold), _effect(sold)] == ["Allow", "Deny"]
    assert _effect(tickets.sell("ward", gateway.clock.now() - LASTS - timedelta(seconds=1), "3")) == "Deny"


def test_of_many_who_show_one_address_at_once_one_comes_in(gateway: OnApiGateway) -> None:
    sold = LiveTickets(b"k" * 32).sell("ward", gateway.clock.now(), "1")
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(_effect, [sold] * 8)) == ["Allow", *["Deny"] * 7]


def _effect(ticket: str) -> str:
    decided = authorise({"methodArn": "a", "queryStringParameters": {"ticket": ticket}}, None)
    return str(decided["policyDocument"]["Statement"][0]["Effect"])


def test_the_tables_stream_rings_when_the_order_of_alerts_goes_on(
    gateway: OnApiGateway, dynamo_records: Any, dynamodb: Any, dynamo_table: str, aws: AwsServer
) -> None:
    from shared.adapters.aws.connections import client

    listens = gateway.connect(gateway.live.address("ward"))
    alert = {
        "id": "alert.a",
        "tenant": "ward",
        "home": "0" * 12,
        "kind": "alert",
        "at": "2026-01-31T08:00:00Z",
    }
    AlertOrder(dynamo_records).tell([{**alert, "alert": {"severity": "P1"}}])
    streams = client("dynamodbstreams", aws.place)
    arn = dynamodb.describe_table(TableName=dynamo_table)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    start = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=start["ShardIterator"])["Records"]
    streams.close()
    assert ring({"Records": records}, None) == {"batchItemFailures": []}
    assert gateway.heard(listens) == 1


def test_the_functions_of_live_updates_call_what_they_are_granted(
    gateway: OnApiGateway, aws: AwsServer
) -> None:
    aws.forget_calls()
    assert _effect(LiveTickets(b"k" * 32).sell("ward", gateway.clock.now(), "1")) == "Allow"
    assert set(aws.calls()) == set(ACTIONS[Thing.CONNECTIONS, Access.ADD])
    gateway.leave(gateway.connect(gateway.live.address("ward")))
    assert set(aws.calls()) == set(ACTIONS[Thing.CONNECTIONS, Access.WRITE])
    gateway.leave(gateway.connect(gateway.live.address("ward")), politely=False)
    aws.forget_calls()
    _later(gateway).ring("ward")
    assert set(aws.calls()) == set(ACTIONS[Thing.CONNECTIONS, Access.READ])
