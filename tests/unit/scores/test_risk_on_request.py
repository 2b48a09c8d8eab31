"""A score on request counts what was just posted, by the rules of the fold, and reads little however much there is."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pytest

from shared.errors import InputError
from tests.unit.scores.ward import CALLER, UNITS, Ward, panel, vital


def _rationale(ward: Ward, model: str = "news2") -> str:
    return str(ward.world.risk.assess(CALLER, "p", model)["prediction"][0]["rationale"])


def test_counts_what_was_posted_a_moment_ago_though_nothing_was_scored_yet() -> None:
    ward = Ward()
    ward.post(vital(ward.now, "9279-1", 30))
    assert "respiratory rate 3" in _rationale(ward)


def test_counts_a_value_of_a_component() -> None:
    ward = Ward()
    ward.post(panel(ward.now, "55284-4", 80))
    assert "systolic blood pressure 3" in _rationale(ward)


def test_counts_a_period_by_its_end_though_it_began_long_ago() -> None:
    ward = Ward()
    for start, end, rate in ((20, 1, 30), (2, 2, 16)):
        reading = vital(ward.now, "9279-1", rate)
        del reading["effectiveDateTime"]
        reading["effectivePeriod"] = {
            "start": ward.ago(hours=start).isoformat(),
            "end": ward.ago(hours=end).isoformat(),
        }
        ward.post(reading)
    assert "respiratory rate 3" in _rationale(ward)


def test_an_open_period_and_a_value_of_no_use_hide_nothing() -> None:
    ward = Ward()
    ward.post(vital(ward.ago(hours=1), "9279-1", 30))
    opened = vital(ward.now, "9279-1", 16)
    del opened["effectiveDateTime"]
    ward.post({**opened, "effectivePeriod": {"start": ward.ago(hours=2).isoformat()}})
    for minute in range(25):
        useless = vital(ward.ago(minutes=minute), "9279-1", 16)
        del useless["valueQuantity"]
        ward.post({**useless, "dataAbsentReason": {"text": "sensor off"}})
    assert "respiratory rate 3" in _rationale(ward)


def test_within_one_second_the_later_instant_counts() -> None:
    ward = Ward()
    second = ward.ago(minutes=1).replace(microsecond=0)
    ward.post({**vital(second, "9279-1", 30), "effectiveDateTime": second.strftime("%Y-%m-%dT%H:%M:%SZ")})
    ward.post(vital(second + timedelta(milliseconds=500), "9279-1", 16))
    assert "respiratory rate" not in _rationale(ward)


def _useless(ward: Ward, reason: str) -> dict[str, Any]:
    """A pulse that does not count, newer than the one that does."""
    at = ward.ago(minutes=1)
    quantity = {"system": "http://unitsofmeasure.org", "unit": "x"}
    return (
        vital(at, "8867-4", 80)
        | {
            "impossible-value": {"valueQuantity": {**quantity, "value": 900, "code": "/min"}},
            "unknown-unit": {"valueQuantity": {**quantity, "value": 80, "code": "/d"}},
            "no-value": {"valueQuantity": {**quantity, "value": 80, "code": "/min", "comparator": ">"}},
            "no-instant": {"effectiveDateTime": f"{at:%Y-%m-%d}"},
            "withdrawn": {"status": "entered-in-error"},
        }[reason]
    )


@pytest.mark.parametrize(
    "reason", ["impossible-value", "unknown-unit", "no-value", "no-instant", "withdrawn"]
)
def test_a_newer_value_that_does_not_count_is_named_in_the_answer(reason: str) -> None:
    ward = Ward()
    ward.post(vital(ward.ago(hours=1), "8867-4", 135))
    before = ward.world.risk.assess(CALLER, "p", "news2")
    ward.post(_useless(ward, reason))
    after = ward.world.risk.assess(CALLER, "p", "news2")
    assert after["basis"] == before["basis"]
    [told] = [part for part in after["extension"][0]["extension"] if part["url"] == "notCounted"]
    assert [part.get("valueCode", part.get("valueInteger")) for part in told["extension"]] == [
        "heart_rate",
        reason,
        1,
    ]
    assert f"not counted: heart rate ({reason.replace('-', ' ')}, 1)" in _rationale(ward)
    assert "not counted" not in before["prediction"][0]["rationale"]


def test_a_flow_of_oxygen_that_no_device_has_counts_as_oxygen_and_is_named_stored_and_on_request() -> None:
    ward = Ward()
    ward.post(vital(ward.ago(minutes=2), "3151-8", 65_535))
    ward.post(vital(ward.ago(minutes=1), "9279-1", 16))
    ward.react()
    asked = ward.world.risk.assess(CALLER, "p", "news2")
    words = "(supplemental oxygen 2); missing: oxygen saturation, systolic blood pressure"
    for said in (asked["prediction"][0]["rationale"], *ward.standing()):
        assert "supplemental oxygen 2" in said
        assert "not counted: supplemental oxygen (impossible flow, 1)" in said
    assert words in asked["prediction"][0]["rationale"]
    assert len(ward.standing()) == 2


def test_what_is_stored_says_the_same_as_what_is_asked_for_at_its_instant() -> None:
    ward = Ward()
    ward.post(vital(ward.ago(hours=1), "8867-4", 135))
    for reason in ("impossible-value", "impossible-value", "unknown-unit", "no-value", "withdrawn"):
        ward.post(_useless(ward, reason))
    ward.post(vital(ward.ago(seconds=1), "8480-6", 900))
    ward.post(vital(ward.now, "9279-1", 25))
    ward.react()
    bodies = [ward.world.bodies.stored(each).resource for each in ward.world.current("RiskAssessment")]
    for model in ("news2", "qsofa"):
        asked = ward.world.risk.assess(CALLER, "p", model, ward.now.astimezone(UTC))
        [stored] = [
            body
            for body in bodies
            if body["method"] == asked["method"] and body["occurrenceDateTime"] == asked["occurrenceDateTime"]
        ]
        assert {name: stored[name] for name in asked} == asked
        assert "systolic blood pressure (impossible value, 1)" in stored["prediction"][0]["rationale"]


def test_a_number_where_a_level_of_consciousness_is_asked_for_keeps_no_answer_away() -> None:
    ward = Ward()
    ward.post(vital(ward.ago(hours=1), "8867-4", 135))
    number = vital(ward.ago(hours=1), "8867-4", 15)
    coding = {"system": "http://loinc.org", "code": "80288-4"}
    ward.post({**number, "code": {"coding": [coding]}})
    assert "not counted: consciousness (no value, 1)" in _rationale(ward)


def test_counts_observations_not_the_codings_of_their_codes() -> None:
    ward = Ward()
    for _ in range(2):
        useless = _useless(ward, "impossible-value")
        ward.post({**useless, "code": {"coding": useless["code"]["coding"] * 100}})
    with pytest.raises(InputError, match=r"heart rate \(impossible value, 2\)\.$"):
        _rationale(ward)


def test_where_no_value_counts_the_refusal_says_why() -> None:
    ward = Ward()
    ward.post(_useless(ward, "impossible-value"))
    with pytest.raises(InputError, match=r"Not counted: heart rate \(impossible value, 1\)\.$") as refused:
        _rationale(ward)
    assert refused.value.status == 422


def test_what_is_older_than_twelve_hours_is_missing() -> None:
    ward = Ward()
    ward.post(vital(ward.ago(hours=12, seconds=1), "9279-1", 30))
    with pytest.raises(InputError) as refused:
        _rationale(ward)
    assert refused.value.status == 422


def test_reads_a_page_a_parameter_of_hundreds_of_readings() -> None:
    ward = Ward()
    for code in UNITS:
        for minute in range(100):
            ward.post(vital(ward.ago(minutes=minute), code, 30))
    ward.world.script.calls.clear()
    _rationale(ward)
    assert ward.world.script.calls.count("records.query") <= 8
    assert len(ward.world.script.calls) <= 9
