"""The onset model on request: from what was on record then, with what moved it, and refused where it is not meant."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.fhir import json
from shared.domain.fhir.identity import ResourceKey
from shared.domain.models.shipped import shipped_model
from shared.domain.onset.cohort import lacking
from shared.domain.stays.assessment import said_by
from shared.errors import InputError, NotFound
from tests.unit.features.patients import condition, encounter, observation, patient
from tests.unit.scores.ward import CALLER, Ward, vital


class Practice(Ward):
    """A patient of 66 who was seen lately."""

    def __init__(self, **person: Any) -> None:
        super().__init__()
        self.put({**patient(**person), "id": "p"}, ResourceKey("Patient", "p"))
        self.add(encounter("e", "AMB", "2026-01-10T09:00:00Z", "2026-01-10T10:00:00Z"))
        self.pressure = self.add(observation("o", 165, code="8480-6", unit="mm[Hg]", at="2026-01-10T09:30:00Z"))  # fmt: skip

    def add(self, resource: dict[str, Any]) -> ResourceKey:
        return self.post({name: value for name, value in resource.items() if name != "id"})

    def risk(self, **ago: float) -> dict[str, Any]:
        as_of = self.ago(**ago) if ago else None
        found = self.world.risk.assess(CALLER, "p", "onset", as_of)
        return json.decode_object(json.encode(found))


def _parts(risk: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [part for part in risk["extension"][0]["extension"] if part["url"] == name]


def test_gives_a_probability_with_its_reasons_and_what_it_rests_on() -> None:
    practice = Practice()
    risk = practice.risk()
    assert 0 < risk["prediction"][0]["probabilityDecimal"] < 1
    assert risk["prediction"][0]["outcome"]["text"] == "First diagnosis of heart disease within two years"
    assert risk["method"]["coding"][0]["code"] == "onset"
    assert len(_parts(risk, "contribution")) == 5
    assert len(risk["basis"]) == 2
    assert _parts(risk, "modelSha256")[0]["valueString"] == shipped_model("onset").sha256
    assert "hba1c_latest" in [part["valueCode"] for part in _parts(risk, "missing")]
    assert "encounter" not in risk
    assert "id" not in risk


def test_what_moved_it_is_dated_by_the_newest_event_that_it_looks_at_as_known_then() -> None:
    practice = Practice()
    practice.world.moving.advance(3600)
    for number, at in enumerate(("2026-01-12T08:00:00Z", "2025-11-02T08:00:00Z")):
        practice.add(observation(f"b{number}", 31 + number, code="39156-5", unit="kg/m2", at=at))
    practice.add(condition("c", "38341003", "2019-01-01"))
    now, then = practice.risk(), practice.risk(minutes=30)
    visit, sat, weighed, ill = (
        "2026-01-10T09:00:00",
        "2026-01-10T09:30:00",
        "2026-01-12T08:00:00",
        "2019-01-01T00:00:00",
    )
    seen_then = {
        "years_on_record": visit, "encounters_365d": visit, "days_since_encounter": visit, "systolic_latest": sat,
        "systolic_mean_730d": sat,
    }  # fmt: skip
    of_weight = dict.fromkeys(("bmi_latest", "bmi_change_730d", "days_since_bmi"), weighed)
    seen_now = seen_then | of_weight | {"years_on_record": ill, "has_hypertension": ill}
    for risk, expected in ((then, seen_then), (now, seen_now)):
        told = {
            name: at[: len(visit)] for name, (at, _) in _dates(risk).items() if at and name != "age_years"
        }
        assert told == {name: expected[name] for name in told}
        assert told
    for risk in (now, then):
        for feature, (at, reference) in _dates(risk).items():
            assert at is None or at <= risk["occurrenceDateTime"]
            assert (at is None) == (reference is None)
            if feature == "age_years":
                assert at == risk["occurrenceDateTime"]
                assert reference.startswith("Patient/p/_history/")


def _dates(risk: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    found = {}
    for part in _parts(risk, "contribution"):
        each = {inner["url"]: inner for inner in part["extension"]}
        source = each.get("observation") or each.get("resource") or {"valueReference": {"reference": None}}
        measured = each.get("measured", {}).get("valueDateTime")
        found[each["feature"]["valueString"]] = measured, source["valueReference"]["reference"]
    return found


def test_what_it_says_can_be_read_back_and_a_score_by_rule_is_none() -> None:
    practice = Practice()
    risk = practice.risk()
    said = said_by(risk)
    assert said is not None
    assert (said["model"], said["patient_id"]) == ("onset", "p")
    assert said["probability"] == float(risk["prediction"][0]["probabilityDecimal"])
    assert [each["feature"] for each in said["reasons"]] == [
        part["extension"][0]["valueString"] for part in _parts(risk, "contribution")
    ]
    practice.post(vital(practice.now, "9279-1", 30))
    assert said_by(practice.world.risk.assess(CALLER, "p", "news2")) is None


def test_what_does_not_count_is_in_the_answer() -> None:
    practice = Practice()
    practice.add(observation("o", 9000, at="2026-01-11"))
    [found] = _parts(practice.risk(), "notCounted")
    assert found["extension"] == [
        {"url": "reason", "valueCode": "impossible-value"},
        {"url": "values", "valueInteger": 1},
        {"url": "variable", "valueCode": "2339-0"},
    ]


def test_an_instant_before_a_correction_sees_what_was_there_then() -> None:
    practice = Practice()
    hour, day = timedelta(hours=1), timedelta(days=1)
    practice.world.moving.advance(hour.total_seconds())
    then = practice.risk(minutes=1)
    practice.world.moving.advance(day.total_seconds())
    body = observation("o", 110, code="8480-6", unit="mm[Hg]", at="2026-01-10T09:30:00Z")
    practice.put(body, practice.pressure)
    practice.add(condition("c", "53741008", "2026-01-10"))
    assert practice.risk(days=1, minutes=1) == then
    with pytest.raises(InputError, match="without heart disease") as refused:
        practice.risk()
    assert refused.value.status == 422


def test_an_instant_before_the_patient_was_known_is_refused() -> None:
    with pytest.raises(InputError, match="a Patient that was on record then"):
        Practice().risk(days=30)


@pytest.mark.parametrize(
    ("person", "words"),
    [
        ({"birthDate": "2015-01-01"}, "18 or older"),
        ({"birthDate": None}, "18 or older"),
        ({"deceasedDateTime": "2026-02-01"}, "a living patient"),
    ],
)
def test_a_patient_whom_the_model_is_not_made_for_is_refused_with_the_reason(
    person: dict[str, Any], words: str
) -> None:
    practice = Practice(**{name: value for name, value in person.items() if value})
    if person.get("birthDate", "") is None:
        practice.put({"resourceType": "Patient", "id": "p", "gender": "female"}, ResourceKey("Patient", "p"))
    with pytest.raises(InputError, match=words) as refused:
        practice.risk()
    assert refused.value.status == 422


def test_nothing_known_lacks_everything_but_life() -> None:
    nothing = {"age_years": float("nan"), "days_since_encounter": float("nan"), "has_heart_disease": 0.0}
    assert len(lacking(nothing, deceased=False)) == 2


def test_an_unknown_patient_is_not_found() -> None:
    with pytest.raises(NotFound):
        Practice().world.risk.assess(CALLER, "nobody", "onset")
