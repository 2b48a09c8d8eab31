"""Dates as ranges, and the ids and homes of resources."""

from __future__ import annotations

import pytest

from shared.domain.fhir.dates import LATEST, date_range, parse_instant
from shared.domain.fhir.identity import (
    Origin,
    ResourceKey,
    home_of,
    is_minted,
    is_valid_id,
    is_valid_tenant,
    parse_literal,
    require_key,
)
from shared.errors import InputError


@pytest.mark.parametrize(
    ("text", "lo", "hi"),
    [
        ("2024", "2024-01-01T00:00:00.000000Z", "2024-12-31T23:59:59.999999Z"),
        ("2024-02", "2024-02-01T00:00:00.000000Z", "2024-02-29T23:59:59.999999Z"),
        ("2024-02-29", "2024-02-29T00:00:00.000000Z", "2024-02-29T23:59:59.999999Z"),
        ("2024-05-01T10:00+02:00", "2024-05-01T08:00:00.000000Z", "2024-05-01T08:00:59.999999Z"),
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00.000000Z", "2024-05-01T10:00:00.999999Z"),
        ("2024-05-01T10:00:00.5Z", "2024-05-01T10:00:00.500000Z", "2024-05-01T10:00:00.599999Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000000Z", "2016-12-31T23:59:59.999999Z"),
        ("9999-12-31", "9999-12-31T00:00:00.000000Z", LATEST),
        ("9999", "9999-01-01T00:00:00.000000Z", LATEST),
    ],
)
def test_a_date_covers(text: str, lo: str, hi: str) -> None:
    found = date_range(text)
    assert found is not None
    assert (found.lo, found.hi) == (lo, hi)


@pytest.mark.parametrize("text", ["", "2024-13", "2023-02-29", "24", "2024-05-01T25:00Z", "0000", "x"])
def test_no_date(text: str) -> None:
    assert date_range(text) is None


def test_an_instant_has_seconds_and_a_zone() -> None:
    assert parse_instant("2024-05-01T10:00:00") is None
    assert parse_instant("2024-05-01T10:00Z") is None
    assert parse_instant("2024-05-01T10:00:00+02:00") is not None


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "../x", "a b", "é", "x" * 65, "a\0", "a\n"])
def test_such_an_id_cannot_be(text: str) -> None:
    assert not is_valid_id(text)
    assert parse_literal(f"Patient/{text}") is None
    with pytest.raises(InputError):
        require_key("Patient", text)


@pytest.mark.parametrize("text", ["", "A", "-a", "a-", "a/b", "..", "a" * 65])
def test_such_a_tenant_cannot_be(text: str) -> None:
    assert not is_valid_tenant(text)


def test_a_minted_id_says_where_it_lives() -> None:
    origin = Origin("ward", "default")
    minted = origin.mint("Observation/1", "0123456789ab")
    assert is_minted(minted)
    assert ResourceKey("Observation", minted).address == "0123456789ab"
    assert origin.mint("Observation/1", "0123456789ab") == minted
    assert Origin("other", "default").mint("Observation/1", "0123456789ab") != minted


def test_a_resource_lives_with_its_patient_or_at_its_own() -> None:
    key = ResourceKey("Observation", "o")
    with_patient = {"resourceType": "Observation", "subject": {"reference": "Patient/p"}}
    assert home_of(with_patient, key) == ResourceKey("Patient", "p").address
    assert home_of({"resourceType": "Observation"}, key) == key.address
