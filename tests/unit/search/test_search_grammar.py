"""Whatever a query string or a page token holds, it is understood or refused: nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.domain.fhir.page_token import PageTokens
from shared.domain.fhir.search_request import parse
from shared.domain.fhir.search_values import parse_query
from shared.domain.records import Kind
from shared.errors import InputError
from shared.services.fhir.search_query import compile_query

NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
NAMES = (
    "_id",
    "identifier",
    "code",
    "date",
    "_lastUpdated",
    "patient",
    "subject",
    "_count",
    "_sort",
    "_page",
    "subject:Patient",
)
PAGES = PageTokens(b"k" * 32)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.text(alphabet="\\,|$a1-:TZ +.é/\0", max_size=30)), max_size=4
    )
)
@example([("date", "ap9999-12-31")])
@example([("date", "ap0001-01-01")])
@example([("_lastUpdated", "lt0001")])
def test_every_value_is_understood_or_refused(parameters: list[tuple[str, str]]) -> None:
    try:
        request = parse("Observation", parameters, strict=True, now=NOW, base_url="http://galen.test/fhir")
    except InputError:
        return
    assert compile_query("ward", request).kind == Kind.CURRENT


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.binary(max_size=60))
def test_every_query_string_is_understood_or_refused(query: bytes) -> None:
    try:
        parse_query(query)
    except InputError as refusal:
        refused = refusal
    else:
        return
    assert refused.status == 400


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.text(max_size=80))
def test_no_text_is_a_page_token_but_one_that_was_sealed(text: str) -> None:
    with pytest.raises(InputError):
        PAGES.open("ward", "question", text)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_a_sealed_position_comes_back(value: str, item_id: str) -> None:
    token = PAGES.seal("ward", "question", (value, item_id))
    assert PAGES.open("ward", "question", token) == (value, item_id)
