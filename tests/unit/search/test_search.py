"""Searches over stored resources: matches, totals, order and pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.memory.clock import MemoryClock
from shared.adapters.memory.lake import MemoryLake
from shared.adapters.memory.records import MemoryRecords
from shared.domain.access.caller import Caller
from shared.domain.fhir import json
from shared.domain.fhir.identity import ResourceKey, home_of
from shared.domain.fhir.page_token import PageTokens
from shared.domain.fhir.search_values import parse_query
from shared.domain.records import Door, Provenance, resource_item, tombstone_item
from shared.errors import InputError
from shared.services.bodies import Bodies
from shared.services.fhir.search import Search

BASE = "http://galen.test/fhir"
WARD = Caller("gateway", "ward", ())


class Store:
    """Resources in memory, and a search over them."""

    def __init__(self) -> None:
        self.records, self.clock = MemoryRecords(), MemoryClock()
        self.search = Search(self.records, Bodies(MemoryLake()), PageTokens(b"k" * 32), self.clock)
        self._written = 0

    def add(self, id_: str, *, tenant: str = "ward", type_: str = "Observation", **elements: Any) -> None:
        key = ResourceKey(type_, id_)
        resource = {"resourceType": type_, "id": id_, **elements}
        self.records.create(resource_item(tenant, home_of(resource, key), resource, key, self._origin()))

    def bury(self, id_: str) -> None:
        key = ResourceKey("Observation", id_)
        self.records.create(tombstone_item("ward", key.address, key, self._origin()))

    def _origin(self) -> Provenance:
        self._written += 1
        return Provenance(Door.HTTP, f"{self._written:05d}", f"2026-03-01T00:00:{self._written:02d}.000000Z")

    def page(self, query: str, *, type_: str = "Observation", caller: Caller = WARD) -> dict[str, Any]:
        found = self.search.run(caller, type_, parse_query(query), base_url=BASE)
        return json.decode_object(found.text())

    def ids(self, query: str, *, type_: str = "Observation") -> list[str]:
        return [entry["resource"]["id"] for entry in self.page(query, type_=type_).get("entry", ())]


@pytest.fixture
def store() -> Store:
    return Store()


DATES: dict[str, dict[str, Any]] = {
    "day": {"effectiveDateTime": "2024-05-10"},
    "instant": {"effectiveDateTime": "2024-05-10T12:00:00Z"},
    "month": {"effectiveDateTime": "2024-05"},
    "period": {"effectivePeriod": {"start": "2024-05-09", "end": "2024-05-11"}},
    "open": {"effectivePeriod": {"start": "2024-05-10T18:00:00Z"}},
    "later": {"effectiveDateTime": "2024-05-20"},
    "none": {},
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("2024-05-10", {"day", "instant"}),
        ("ne2024-05-10", {"month", "period", "open", "later"}),
        ("gt2024-05-10", {"month", "period", "open", "later"}),
        ("lt2024-05-10", {"month", "period"}),
        ("ge2024-05-10", {"day", "instant", "month", "period", "open", "later"}),
        ("le2024-05-10", {"day", "instant", "month", "period"}),
        ("sa2024-05-10", {"later"}),
        ("eb2024-05-20", {"day", "instant", "period"}),
        ("2024-05", {"day", "instant", "month", "period", "later"}),
        ("2024", {"day", "instant", "month", "period", "later"}),
        ("2024-05-10T12:00:00Z", {"instant"}),
        ("2024-05-10T14:00:00%2B02:00", {"instant"}),
        ("ge2024-05-10&date=lt2024-05-20", {"day", "instant", "month", "period", "open"}),
        ("2024-05-10,2024-05-20", {"day", "instant", "later"}),
        ("ap2024-05-10", {"day", "instant", "month", "period", "open", "later"}),
        ("ap0001-01-01", set()),
        ("ap9999-12-31", {"open"}),
    ],
)
def test_finds_dates_by_prefix(store: Store, query: str, expected: set[str]) -> None:
    for id_, elements in DATES.items():
        store.add(id_, **elements)
    assert set(store.ids(f"date={query}")) == expected


def test_finds_by_code_identifier_patient_and_id(store: Store) -> None:
    loinc = {"coding": [{"system": "http://loinc.org", "code": "1"}]}
    store.add(
        "a", code=loinc, subject={"reference": "Patient/p"}, identifier=[{"system": "s", "value": "v|1"}]
    )
    store.add("b", code={"coding": [{"code": "1"}]}, subject={"reference": "Group/p"})
    assert store.ids("code=1") == ["a", "b"]
    assert store.ids("code=http://loinc.org|1") == ["a"]
    assert store.ids("code=|1") == ["b"]
    assert store.ids("code=http://loinc.org|") == ["a"]
    assert store.ids(r"identifier=s|v\|1") == ["a"]
    assert store.ids("patient=p") == store.ids("subject=Patient/p") == ["a"]
    assert store.ids("subject=p") == ["a", "b"]
    assert store.ids("_id=b,a,c") == ["a", "b"]
    assert store.ids("patient=p&code=2") == []
    assert store.ids("_lastUpdated=gt2026-03-01T00:00:01Z") == ["b"]


def test_shows_neither_the_deleted_nor_other_tenants_nor_other_types(store: Store) -> None:
    store.add("a")
    store.add("a", tenant="elsewhere")
    store.add("a", type_="Procedure")
    store.bury("b")
    assert store.ids("") == ["a"]
    assert store.page("_summary=count")["total"] == 1


def test_an_empty_searchset_has_no_entry_and_a_total_of_zero(store: Store) -> None:
    found = store.page("code=x")
    assert found == {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": 0,
        "link": [{"relation": "self", "url": f"{BASE}/Observation?code=x"}],
    }


@settings(max_examples=25, derandomize=True, deadline=None)
@given(
    days=st.lists(st.integers(1, 5), max_size=23),
    count=st.integers(1, 7),
    sort=st.sampled_from(["date", "-date", "_lastUpdated", "-_lastUpdated", ""]),
)
def test_pages_show_each_match_once_and_in_order(days: list[int], count: int, sort: str) -> None:
    store = Store()
    for number, day in enumerate(days):
        store.add(f"n{number}", effectiveDateTime=f"2024-05-{day:02d}")
    query, seen = f"_count={count}" + (f"&_sort={sort}" if sort else ""), []
    while query:
        page = store.page(query)
        assert page["total"] == len(days)
        seen += [entry["resource"] for entry in page.get("entry", ())]
        assert len(page.get("entry", ())) <= count
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        assert all(url.startswith(f"{BASE}/Observation?") for url in following)
        query = urlsplit(following[0]).query if following else ""
    assert sorted(r["id"] for r in seen) == sorted(f"n{n}" for n in range(len(days)))
    keys = [r["effectiveDateTime"] if sort.endswith("date") else r["meta"]["lastUpdated"] for r in seen]
    assert keys == sorted(keys, reverse=sort.startswith("-"))


def next_query(store: Store) -> str:
    for number in range(3):
        store.add(f"n{number}")
    links = store.page("_count=1")["link"]
    following: str = next(link["url"] for link in links if link["relation"] == "next")
    return urlsplit(following).query


def test_a_page_link_holds_for_its_tenant_and_question_only(store: Store) -> None:
    query = next_query(store)
    assert store.page(query)["entry"]
    token = dict(parse_qsl(query))["_page"]
    altered = token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]
    for changed in (
        query.replace(token, altered),
        query.replace("_count=1", "_count=2"),
        f"code=x&{query}",
        "_page=x",
        "_page=%C3%A9",
    ):
        with pytest.raises(InputError):
            store.page(changed)
    with pytest.raises(InputError):
        store.page(query, caller=Caller("gateway", "elsewhere", ()))
    with pytest.raises(InputError):
        store.page(query, type_="Procedure")


def test_bodies_go_out_digit_for_digit(store: Store) -> None:
    store.add("a", valueQuantity=json.decode('{"value":1.10}'))
    assert '"value":1.10}' in store.search.run(WARD, "Observation", [], base_url=BASE).text()


def test_a_lenient_self_link_shows_what_was_used(store: Store) -> None:
    found = store.search.run(
        WARD, "Observation", [("colour", "blue"), ("code", "a b")], base_url=BASE, strict=False
    )
    assert found.self_link == f"{BASE}/Observation?code=a%20b"


def test_no_total_is_counted_where_none_is_wanted(store: Store) -> None:
    next_query(store)
    assert "total" not in store.page("_total=none&_count=1")


def test_criteria_find_at_most_two(store: Store) -> None:
    for number in range(3):
        store.add(f"n{number}", code={"coding": [{"code": "1"}]})
    assert len(store.search.matches("ward", "Observation", "code=1")) == 2
    with pytest.raises(InputError):
        store.search.matches("ward", "Observation", "_count=1")
