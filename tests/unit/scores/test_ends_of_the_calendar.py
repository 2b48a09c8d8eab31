"""Dates at the ends of the calendar, which FHIR allows, stop no score and no reaction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.domain.fhir.dates import earlier, later
from shared.errors import InputError
from tests.unit.features.patients import condition, encounter
from tests.unit.scores.ward import CALLER, Ward, vital

ENDS = (
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "0001",
    "0001-01-01",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00",
    "9999",
    "9999-12-31",
)
MODELS = ("news2", "qsofa", "sepsis", "readmission", "onset")
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def of_no_id(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name != "id"}


@pytest.fixture(scope="module")
def ward() -> Ward:
    """A patient with everything that models read, at both ends of the calendar, and one good reading."""
    ward = Ward()
    for end in ENDS:
        ward.post({**vital(ward.now, "9279-1", 26), "effectiveDateTime": end})
        ward.post(of_no_id(encounter("e", "IMP", end, None)))
        ward.post(of_no_id(encounter("e", "IMP", "0001-01-01T00:00:00Z", end)))
        ward.post(of_no_id(condition("c", "44054006", end, abatementDateTime=end)))
        ward.post(of_no_id(condition("c", "73211009", end)))
    ward.post(vital(ward.now, "9279-1", 30))
    return ward


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("as_of", [None, FIRST])
def test_every_model_answers_or_says_what_is_missing(ward: Ward, model: str, as_of: datetime | None) -> None:
    found = said = None
    try:
        found = ward.world.risk.assess(CALLER, "p", model, as_of)
    except InputError as refused:
        said = refused.status
    assert said == 422 or (found or {}).get("resourceType") == "RiskAssessment"


def test_reactions_set_nothing_aside_for_them(ward: Ward) -> None:
    changes = ward.world.stores.records.changes
    ward.world.reactions.again(list(changes))
    assert not list(ward.world.dead_letters.list())


@pytest.mark.parametrize("moment", [FIRST, LAST])
def test_an_instant_leaves_the_calendar_on_neither_side(moment: datetime) -> None:
    assert earlier(moment, LAST - FIRST) == FIRST
    assert later(moment, LAST - FIRST) == LAST
