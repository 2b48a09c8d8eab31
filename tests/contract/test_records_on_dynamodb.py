"""What DynamoDB asks of the records beside their contract: no scan, entries that lead nowhere, long items."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.adapters.aws.records import DynamoRecords
from shared.adapters.aws.stored import item_of
from shared.adapters.memory.records import MemoryRecords
from shared.domain.fhir.identity import ResourceKey
from shared.domain.fhir.resource_types import PATIENT_ELEMENT
from shared.domain.fhir.search_request import parse
from shared.domain.fhir.search_values import parse_query
from shared.domain.records import Door, Item, Kind, Provenance, as_history, resource_item, source_version
from shared.errors import AlreadyExists, Unavailable
from shared.ports.lake import Lake
from shared.ports.records import Compare, Create, Has, Query, Records, Replace
from shared.services.fhir.search_query import compile_query
from tests.contract.conftest import Strike, ask
from tests.delivery.world import synthea_bundles
from tests.emulators.aws_server import AwsServer

NOW = datetime(2026, 3, 29, tzinfo=UTC)
TENANT = "ward"
SEARCHES = [
    "Patient?",
    "Patient?_sort=-_lastUpdated&_count=1",
    "Observation?_sort=-date&_count=7",
    "Observation?_sort=date&_count=1000",
    "Observation?code=http://loinc.org|8302-2",
    "Observation?code=8302-2,29463-7&_sort=-date",
    "Observation?code=http://loinc.org|&_count=20",
    "Observation?code=8302-2&date=ge2015&_sort=date&_count=5",
    "Condition?_lastUpdated=lt2026-03-29T00:00:30Z",
    "Observation?_lastUpdated=gt2026-03-29T00:00:30Z&_sort=-_lastUpdated",
    "Encounter?date=2000",
    "Encounter?identifier=NONE|1",
]
IN_ONE_HOME = [
    "Observation?patient={}&code=8302-2",
    "Condition?patient={}",
    "Encounter?subject={}&_sort=-date",
]


def items() -> list[Item]:
    """Two real patients' resources, as they would be on record."""
    found = []
    for bundle in synthea_bundles()[:2]:
        patient = bundle["entry"][0]["resource"]
        home = ResourceKey("Patient", patient["id"]).address
        for number, entry in enumerate(bundle["entry"]):
            resource = entry["resource"]
            element = PATIENT_ELEMENT.get(resource["resourceType"])
            if element and element in resource:
                resource = {**resource, element: {"reference": f"Patient/{patient['id']}"}}
            at = f"2026-03-29T00:00:{number % 60:02d}.000000Z"
            origin = Provenance(
                Door.HTTP if number % 5 == 0 else Door.FILE, source_version(at, "x", number), at
            )
            key = ResourceKey(resource["resourceType"], resource["id"])
            where = home if element or key.type == "Patient" else key.address
            found.append(resource_item(TENANT, where, resource, key, origin))
            if where != key.address:
                found.append(pointer(key, where))
    return found


def pointer(key: ResourceKey, target: str) -> Item:
    """What stands at the address of an id that the server did not mint."""
    head = {"id": f"{key.type}.{key.id}", "tenant": TENANT, "home": key.address, "kind": "pointer"}
    return {**head, "type": key.type, "rid": key.id, "target": target, "epoch": 1}


def fill(records: Records, given: list[Item]) -> None:
    for home in dict.fromkeys(each["home"] for each in given):
        mine = [Create(each) for each in given if each["home"] == home]
        for start in range(0, len(mine), 60):
            records.commit(TENANT, home, mine[start : start + 60])


def query_of(text: str) -> Query:
    type_, _, parameters = text.partition("?")
    request = parse(type_, parse_query(parameters), strict=True, now=NOW)
    return compile_query(TENANT, request, limit=request.count)


def ids(records: Records, query: Query) -> list[str]:
    return [each["id"] for each in records.query(query)]


@pytest.fixture
def dynamo(dynamodb: Any, aws_lake: Lake, dynamo_table: str) -> DynamoRecords:
    return DynamoRecords(dynamodb, dynamo_table, aws_lake, now=lambda: 1_000.0)


@pytest.fixture
def strike(aws: AwsServer) -> Iterator[Strike]:
    yield lambda **about: ask(aws.port, "POST", about)
    ask(aws.port, "DELETE")


def reading(home: str = "0123456789ab", code: str = "a", **more: Any) -> Item:
    """A current item with one token."""
    ix = {"t": [f"code|s|{code}", f"code||{code}", "code|s|"], "r": [], "date": "2026-01"}
    head: Item = {
        "id": "Observation.1",
        "tenant": TENANT,
        "home": home,
        "kind": "current",
        "type": "Observation",
    }
    return head | {
        "rid": "1",
        "deleted": False,
        "lastUpdated": "2026-01",
        "sv": "1",
        "ix": ix,
        "body": "{}",
        **more,
    }


def of_code(code: str) -> Query:
    where = (
        Compare("type", "=", "Observation"),
        Compare("deleted", "=", False),
        Has("ix.t", f"code|s|{code}"),
    )
    return Query(Kind.CURRENT, TENANT, None, where, "lastUpdated")


def test_every_search_finds_what_it_finds_in_memory_and_never_scans(
    dynamo: DynamoRecords, aws: AwsServer
) -> None:
    memory, given = MemoryRecords(), items()
    fill(memory, given)
    fill(dynamo, given)
    aws.forget_calls()
    patient = next(each for each in given if each["type"] == "Patient" and each["kind"] == "current")
    some = [each["rid"] for each in given if each["id"].startswith("Observation.") and "ix" in each][:3]
    searches = [
        *SEARCHES,
        *(text.format(f"Patient/{patient['rid']}") for text in IN_ONE_HOME),
        f"Observation?_id={','.join(some)}",
        f"Patient?identifier={next(token for token in patient['ix']['t'] if token.count('|') == 2)[11:]}",
        f"Observation?patient={patient['rid']},other",
    ]
    found = 0
    for text in searches:
        query = query_of(text)
        assert ids(dynamo, query) == ids(memory, query), text
        assert dynamo.count(query) == memory.count(query), text
        found += memory.count(query)
    assert found > 250
    assert "dynamodb:Scan" not in aws.calls()
    assert aws.calls()["dynamodb:Query"] > len(searches)


@pytest.mark.parametrize(
    "text",
    ["Observation?_sort=-date&_count=9", "Observation?_count=9", "Condition?_sort=-_lastUpdated&_count=4"],
)
def test_pages_without_a_home_show_every_resource_once(dynamo: DynamoRecords, text: str) -> None:
    memory, given = MemoryRecords(), items()[:80]
    fill(memory, given)
    fill(dynamo, given)
    query, seen = query_of(text), []
    after: tuple[str, str] | None = None
    while True:
        page = Query(**{**{name: getattr(query, name) for name in Query.__slots__}, "after": after})
        found = list(dynamo.query(page))
        if not found:
            break
        seen += [each["id"] for each in found]
        last = found[-1]
        after = (last["ix"]["date"] if query.order_by == "ix.date" else last["lastUpdated"], last["id"])
    every = Query(**{**{name: getattr(query, name) for name in Query.__slots__}, "limit": None})
    assert seen == ids(memory, every)


def test_what_the_platform_asks_of_all_tenants_is_not_scanned(dynamo: DynamoRecords, aws: AwsServer) -> None:
    given = items()[:40]
    fill(dynamo, given)
    head = {"tenant": TENANT, "home": "h"}
    dynamo.create({**head, "id": "intent.1", "kind": "intent", "status": "stored", "at": "2"})
    dynamo.create({**head, "id": "intent.2", "kind": "intent", "status": "done", "at": "1"})
    dynamo.create({**head, "id": "intent.3", "kind": "intent", "status": "aside", "at": "1"})
    dynamo.create({**head, "id": "ledger.1", "kind": "ledger", "at": "2026-01"})
    dynamo.create({**head, "id": "ledger.2", "kind": "ledger", "at": "2026-02"})
    dynamo.create(
        {**head, "id": "Patient.p", "kind": "pointer", "type": "Patient", "rid": "p", "moving": True}
    )
    dynamo.create({**head, "id": "state.stay.1", "kind": "stay", "patient": "Patient/1"})
    dynamo.create({**as_history(given[0]), "home": "elsewhere"})
    aws.forget_calls()
    old = (Compare("status", "=", "stored"), Compare("at", "<", "3"))
    assert ids(dynamo, Query(Kind.INTENT, None, None, old, "at")) == ["intent.1"]
    aside = (Compare("status", "=", "aside"),)
    assert ids(dynamo, Query(Kind.INTENT, None, None, aside, "at")) == ["intent.3"]
    newest = Query(Kind.LEDGER, None, order_by="at", descending=True, limit=1)
    assert ids(dynamo, newest) == ["ledger.2"]
    assert ids(dynamo, Query(Kind.POINTER, None, None, (Compare("moving", "=", True),))) == ["Patient.p"]
    assert ids(dynamo, Query(Kind.STAY, None)) == ["state.stay.1"]
    by_http = (Compare("door", "=", Door.HTTP), Compare("lastUpdated", ">=", "2026-03-29T00:00:20"))
    committed = Query(Kind.CURRENT, None, None, by_http, "lastUpdated")
    assert ids(dynamo, committed) == [
        each["id"]
        for each in given
        if each.get("door") == Door.HTTP and each["lastUpdated"] >= "2026-03-29T00:00:20"
    ]
    mine = (Compare("type", "=", given[0]["type"]), Compare("rid", "=", given[0]["rid"]))
    assert len(ids(dynamo, Query(Kind.HISTORY, TENANT, None, mine, "sv", True))) == 1
    assert "dynamodb:Scan" not in aws.calls()


def test_a_changed_item_is_found_by_what_it_has_now_alone(dynamo: DynamoRecords) -> None:
    etag = dynamo.create(reading(code="a"))
    second = dynamo.replace(reading(code="b"), etag)
    assert (dynamo.count(of_code("a")), dynamo.count(of_code("b"))) == (0, 1)
    history = as_history(reading(code="b", version="1"))
    dynamo.commit(TENANT, "0123456789ab", [Create(history), Replace(reading(code="c"), second)])
    assert (dynamo.count(of_code("b")), dynamo.count(of_code("c"))) == (0, 1)


def test_entries_that_lead_nowhere_are_found_by_nobody(
    dynamo: DynamoRecords, dynamodb: Any, dynamo_table: str, strike: Any, aws: AwsServer
) -> None:
    strike(match="^dynamodb:PutItem", status=503)
    with pytest.raises(Unavailable):
        dynamo.create(reading())
    ask(aws.port, "DELETE")
    left = dynamodb.scan(TableName=dynamo_table)["Items"]
    assert left
    assert all("x" not in each for each in left)
    assert dynamo.count(of_code("a")) == 0
    etag = dynamo.create(reading())
    strike(match="^dynamodb:BatchWriteItem", status=503, rate=1.0)
    with pytest.raises(Unavailable):
        dynamo.replace(reading(code="b"), etag)
    ask(aws.port, "DELETE")
    assert ids(dynamo, of_code("a")) == ["Observation.1"]
    assert dynamo.count(of_code("b")) == 0


def test_a_refused_write_takes_its_entries_back(
    dynamo: DynamoRecords, dynamodb: Any, dynamo_table: str
) -> None:
    dynamo.create(reading())
    before = dynamodb.scan(TableName=dynamo_table)["Count"]
    with pytest.raises(AlreadyExists):
        dynamo.create(reading(code="b"))
    assert dynamodb.scan(TableName=dynamo_table)["Count"] == before
    etag = dynamo.read(TENANT, "0123456789ab", "Observation.1")
    assert etag is not None
    dynamo.delete(TENANT, "0123456789ab", "Observation.1", etag["_etag"])
    assert dynamodb.scan(TableName=dynamo_table)["Count"] == 0


def test_a_write_whose_one_answer_is_lost_is_known_again(dynamo: DynamoRecords, strike: Any) -> None:
    strike(match="^dynamodb:PutItem", status=500, applied=True, count=1)
    etag = dynamo.create(reading())
    found = dynamo.read(TENANT, "0123456789ab", "Observation.1")
    assert found is not None
    assert found["_etag"] == etag


def test_what_is_too_long_for_an_item_is_put_into_the_lake(dynamo: DynamoRecords, aws_lake: Lake) -> None:
    given = reading(body=secrets.token_hex(300_000), pending={"body": "x" * 1_000})
    etag = dynamo.create(given)
    assert dynamo.read(TENANT, "0123456789ab", "Observation.1") == {**given, "_etag": etag}
    assert [each["body"] for each in dynamo.query(of_code("a"))] == [given["body"]]
    assert len(list(aws_lake.list("bodies/aside"))) == 1


def test_what_has_lapsed_is_gone_though_the_table_still_has_it(
    dynamo: DynamoRecords, dynamodb: Any, dynamo_table: str, aws_lake: Lake
) -> None:
    assertion: Item = {"id": "assertion.1", "tenant": TENANT, "home": "h", "kind": "assertion", "ttl": 600}
    dynamo.create(assertion)
    with pytest.raises(AlreadyExists):
        dynamo.create(assertion)
    later = DynamoRecords(dynamodb, dynamo_table, aws_lake, now=lambda: 1_601.0)
    assert later.read(TENANT, "h", "assertion.1") is None
    assert later.count(Query(Kind.ASSERTION, TENANT, "h")) == 0
    assert later.create(assertion)


def test_a_change_of_the_table_shows_items_and_entries_apart(
    dynamo: DynamoRecords, dynamodb: Any, dynamo_table: str, aws_lake: Lake
) -> None:
    etag = dynamo.create(reading(z="eJyrVgIAAPcAgw=="))
    rows = dynamodb.scan(TableName=dynamo_table)["Items"]
    shown = [item for row in rows if (item := item_of(row, aws_lake)) is not None]
    assert shown == [{**reading(z="eJyrVgIAAPcAgw=="), "_etag": etag}]
    assert len(rows) > len(shown)


class Meanwhile:
    """A client that lets something happen between the list and the first look at what stands behind it."""

    def __init__(self, client: Any, happens: Callable[[], object]) -> None:
        self._client = client
        self.waiting = [happens]

    def __getattr__(self, name: str) -> Any:
        if name == "batch_get_item" and self.waiting:
            self.waiting.pop()()
        return getattr(self._client, name)


def test_an_item_that_changes_between_the_list_and_the_look_is_found_once(
    dynamodb: Any, aws_lake: Lake, dynamo_table: str, dynamo: DynamoRecords
) -> None:
    item = reading()
    etag = dynamo.create(item)
    later = {**item, "lastUpdated": "2026-02"}
    client = Meanwhile(dynamodb, lambda: dynamo.replace(later, etag))
    asking = DynamoRecords(client, dynamo_table, aws_lake, now=lambda: 1_000.0)
    assert [each["lastUpdated"] for each in asking.query(of_code("a"))] == ["2026-02"]
    assert not client.waiting
    assert ids(asking, of_code("a")) == [item["id"]]
