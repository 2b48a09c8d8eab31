"""Query parameters read into criteria."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.domain.fhir.dates import Range
from shared.domain.fhir.search_index import search_index
from shared.domain.fhir.search_request import Criterion, DateIs, IdIs, SearchRequest, Sort, TokenIs, parse
from shared.domain.fhir.search_values import parse_query
from shared.errors import InputError
from shared.services.fhir.search_query import home_of_request

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def ask(query: str, type_: str = "Observation", *, strict: bool = True) -> SearchRequest:
    return parse(type_, parse_query(query), strict=strict, now=NOW, base_url="http://galen.test/fhir")


def only(query: str, type_: str = "Observation") -> Criterion:
    (criterion,) = ask(query, type_).criteria
    return criterion


@pytest.mark.parametrize(
    ("value", "tokens"),
    [
        ("8867-4", ["code||8867-4"]),
        ("http://loinc.org|8867-4", ["code|http://loinc.org|8867-4"]),
        ("|8867-4", [r"code|\-|8867-4"]),
        ("http://loinc.org|", ["code|http://loinc.org|"]),
        ("a,s|b", ["code||a", "code|s|b"]),
        (r"a\,b", ["code||a,b"]),
        (r"a\|b", [r"code||a\|b"]),
        (r"a\|b|c", [r"code|a\|b|c"]),
        (r"a|b\|c", [r"code|a|b\|c"]),
        (r"s|a\\", [r"code|s|a\\"]),
        (r"a\$b", ["code||a$b"]),
    ],
)
def test_reads_tokens(value: str, tokens: list[str]) -> None:
    assert only(f"code={value}") == Criterion("code", tuple(TokenIs(token) for token in tokens))


def test_a_system_of_one_dash_is_not_the_absent_system() -> None:
    kept = search_index({"resourceType": "Patient", "id": "p", "identifier": [{"system": "-", "value": "c"}]})
    of_dash, of_none = (only(f"identifier={value}", "Patient").alternatives[0] for value in ("-|c", "|c"))
    assert isinstance(of_dash, TokenIs)
    assert isinstance(of_none, TokenIs)
    assert of_dash.text in kept["t"]
    assert of_none.text not in kept["t"]


def test_repeated_parameters_are_and_and_commas_are_or() -> None:
    first, second = ask("code=a,b&code=c").criteria
    assert (len(first.alternatives), len(second.alternatives)) == (2, 1)


@pytest.mark.parametrize(
    ("query", "references"),
    [
        ("patient=7", ["patient|Patient/7"]),
        ("patient=Patient/7", ["patient|Patient/7"]),
        ("patient=http://galen.test/fhir/Patient/7", ["patient|Patient/7"]),
        ("patient:Patient=7", ["patient|Patient/7"]),
        ("subject=Group/7", ["subject|Group/7"]),
        ("subject:Patient=7", ["subject|Patient/7"]),
        ("subject=7", ["subject|Patient/7", "subject|Group/7", "subject|Device/7", "subject|Location/7"]),
    ],
)
def test_reads_references(query: str, references: list[str]) -> None:
    assert [match.text for match in only(query).alternatives if isinstance(match, TokenIs)] == references


def test_a_patient_confines_a_search_to_one_home() -> None:
    home = home_of_request(ask("patient=7"))
    assert home is not None
    assert home_of_request(ask("subject=Patient/7&code=x")) == home
    assert home_of_request(ask("subject=7")) is None
    assert home_of_request(ask("patient=7,8")) is None
    assert home_of_request(ask("code=x")) is None


def test_an_id_confines_a_search_only_where_the_type_belongs_to_no_patient() -> None:
    assert home_of_request(ask("_id=7", "Organization")) is not None
    assert home_of_request(ask("_id=7")) is None
    assert only("_id=7,8").alternatives == (IdIs("7"), IdIs("8"))


@pytest.mark.parametrize("prefix", ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"])
def test_reads_dates_by_prefix_and_precision(prefix: str) -> None:
    day = Range("2024-05-01T00:00:00.000000Z", "2024-05-01T23:59:59.999999Z")
    assert only(f"date={prefix}2024-05-01").alternatives == (DateIs(prefix, day),)  # type: ignore[arg-type]


def test_a_date_without_prefix_is_equal_and_a_space_in_a_zone_is_a_plus() -> None:
    second = Range("2024-05-01T08:00:00.000000Z", "2024-05-01T08:00:00.999999Z")
    assert only("date=2024-05-01T10:00:00+02:00").alternatives == (DateIs("eq", second),)


def test_about_widens_by_a_tenth_of_the_distance_to_now() -> None:
    (match,) = only("_lastUpdated=ap2026-03-19T01:30:00Z").alternatives
    assert isinstance(match, DateIs)
    assert match.range == Range("2026-03-18T01:30:00.000000Z", "2026-03-20T01:30:00.999999Z")


def test_reads_how_to_answer() -> None:
    request = ask("_sort=-date&_count=5000&_total=none&_format=json&_page=x")
    assert (request.sort, request.count, request.total, request.page) == (
        Sort("date", True),
        1000,
        False,
        "x",
    )
    assert ask("_summary=count").count_only
    assert ask("_count=0").count_only


REFUSED = [
    "unknown=1",
    "code:not=a",
    "code:missing=true",
    "date:missing=true",
    "subject:Practitioner=1",
    "patient.name=x",
    "subject:Patient.name=x",
    "_has:Observation:patient:code=1",
    "_include=Observation:patient",
    "_revinclude=Provenance:target",
    "code=",
    "code=,",
    "code=a,",
    "code=|",
    "code=a|b|c",
    r"code=a\b",
    "code=a%00b",
    "date=yesterday",
    "date=2024-13",
    "date=2024-02-30",
    "date=xx2024",
    "date=",
    "_id=../x",
    "_id=a_b",
    "patient=Group/1",
    "patient=Patient/1/_history/2",
    "patient=http://elsewhere/fhir/Patient/1",
    "_count=-1",
    "_count=1e9",
    "_count=ten",
    "_count=1000000000",
    "_count=1&_count=2",
    "_sort=code",
    "_sort=date,code",
    "_sort=--date",
    "_summary=true",
    "_total=some",
    "_elements=id",
    "_text=x",
    "_filter=x",
    "code=" + "a," * 200 + "a",
    "code=" + "a" * 8_001,
    "code=%ff",
    "&".join(["code=a"] * 51),
]


@pytest.mark.parametrize("query", REFUSED)
def test_refuses_what_it_does_not_understand(query: str) -> None:
    with pytest.raises(InputError) as refused:
        ask(query)
    assert refused.value.status == 400
    assert refused.value.issues


def test_refuses_another_format_as_not_acceptable() -> None:
    with pytest.raises(InputError) as refused:
        ask("_format=application/fhir%2Bxml")
    assert refused.value.status == 406


def test_lenient_handling_leaves_unknown_parameters_out_and_says_so() -> None:
    request = ask("code=a&colour=blue&_text=x", strict=False)
    assert request.applied == (("code", "a"),)
    assert request.ignored == ("colour", "_text")


def test_lenient_handling_still_refuses_a_known_parameter_that_is_wrong() -> None:
    with pytest.raises(InputError):
        ask("date=yesterday", strict=False)


def test_a_type_without_a_parameter_refuses_it() -> None:
    with pytest.raises(InputError):
        ask("patient=7", "Organization")
    with pytest.raises(InputError):
        ask("_sort=date", "Organization")


def test_refuses_more_values_than_a_search_may_have_however_they_are_spread() -> None:
    assert len(ask("code=" + ",".join(["a"] * 200)).criteria) == 1
    for query in ("code=" + ",".join(["a"] * 201), "&".join(["code=" + ",".join(["a"] * 101)] * 2)):
        with pytest.raises(InputError) as refused:
            ask(query)
        assert refused.value.issues[0].code == "too-costly"
