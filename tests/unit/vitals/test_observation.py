"""What a FHIR Observation of any sender says about the parameters that the scores read."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from shared.domain.vitals import Parameter, readings_of, removed, vitals_of

LOINC, UCUM, SNOMED = "http://loinc.org", "http://unitsofmeasure.org", "http://snomed.info/sct"
AT = datetime(2024, 5, 1, 8, tzinfo=UTC)


def _observation(code: str, value: object, unit: str = "/min", **more: object) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "effectiveDateTime": "2024-05-01T10:00:00+02:00",
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
    } | more


def _read(observation: dict[str, Any]) -> list[tuple[str, Decimal | str]]:
    return [(item.parameter.value, item.value) for item in readings_of(observation, id="o-1", version="7")]


def _not_counted(observation: dict[str, Any]) -> dict[Parameter, str]:
    return dict(vitals_of(observation, id="o-1", version="7").not_counted)


@pytest.mark.parametrize(
    ("code", "value", "unit", "parameter", "expected"),
    [
        ("8867-4", 72, "/min", "heart_rate", Decimal(72)),
        ("8867-4", 72, "{beats}/min", "heart_rate", Decimal(72)),
        ("9279-1", Decimal("16.0"), "{breaths}/min", "respiratory_rate", Decimal("16.0")),
        ("2708-6", 97, "%", "oxygen_saturation", Decimal(97)),
        ("59408-5", Decimal("0.97"), "1", "oxygen_saturation", Decimal(97)),
        ("8480-6", 120, "mm[Hg]", "systolic_blood_pressure", Decimal(120)),
        ("8462-4", 80, "mm[Hg]", "diastolic_blood_pressure", Decimal(80)),
        ("8310-5", Decimal("37.10"), "Cel", "body_temperature", Decimal("37.10")),
        ("8310-5", Decimal("100.4"), "[degF]", "body_temperature", Decimal(38)),
        ("8310-5", Decimal("102.2"), "[degF]", "body_temperature", Decimal(39)),
        ("8310-5", Decimal("310.15"), "K", "body_temperature", Decimal(37)),
        ("9269-2", 14, "{score}", "consciousness", Decimal(14)),
        ("3151-8", 2, "L/min", "supplemental_oxygen", "oxygen"),
        ("3151-8", 15_000, "L/min", "supplemental_oxygen", "oxygen"),
        ("3151-8", Decimal("1.7E+308"), "mL/min", "supplemental_oxygen", "oxygen"),
        ("3151-8", 0, "L/min", "supplemental_oxygen", "air"),
        ("3150-6", 21, "%", "supplemental_oxygen", "air"),
        ("3150-6", Decimal("0.28"), "1", "supplemental_oxygen", "oxygen"),
    ],
)
def test_reads_code_value_and_unit(
    code: str, value: object, unit: str, parameter: str, expected: Decimal | str
) -> None:
    assert _read(_observation(code, value, unit)) == [(parameter, expected)]


def test_keeps_the_digits_of_a_value_that_needs_no_conversion() -> None:
    ((_, value),) = _read(_observation("8310-5", Decimal("37.10"), "Cel"))
    assert str(value) == "37.10"


def test_names_the_observation_version_and_the_instant_in_utc() -> None:
    (reading,) = readings_of(_observation("8867-4", 72), id="o-1", version="7")
    assert (reading.observation, reading.version, reading.at) == ("Observation/o-1", "7", AT)


@pytest.mark.parametrize(
    ("system", "code", "letter"),
    [
        (LOINC, "LA9340-6", "A"), (LOINC, "LA6560-2", "C"), (LOINC, "LA17108-4", "V"), (LOINC, "LA17107-6", "P"),
        (LOINC, "LA9343-0", "U"), (SNOMED, "248234008", "A"), (SNOMED, "130987000", "C"), (SNOMED, "300202002", "V"),
        (SNOMED, "450847001", "P"), (SNOMED, "422768004", "U"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("question", ["80288-4", "67775-7"])
def test_reads_consciousness_of_loinc_and_snomed(question: str, system: str, code: str, letter: str) -> None:
    answer = {"coding": [{"system": "urn:local", "code": "x"}, {"system": system, "code": code}]}
    observation = _observation(question, 0) | {"valueCodeableConcept": answer}
    assert _read(observation) == [("consciousness", letter)]


def test_reads_the_components_of_a_blood_pressure_panel() -> None:
    parts = [
        {key: _observation(code, value, "mm[Hg]")[key] for key in ("code", "valueQuantity")}
        for code, value in (("8480-6", 120), ("8462-4", 80))
    ]
    panel = _observation("85354-9", 0, component=parts)
    del panel["valueQuantity"]
    assert dict(_read(panel)) == {
        "systolic_blood_pressure": Decimal(120),
        "diastolic_blood_pressure": Decimal(80),
    }


@pytest.mark.parametrize(
    "change",
    [
        {"status": "entered-in-error"},
        {"status": "cancelled"},
        {"status": "registered"},
        {"effectiveDateTime": "2024-05-01"},
        {"effectiveDateTime": "2024-13-01T10:00:00Z"},
        {"effectiveDateTime": "0001-01-01T00:00:00+14:00"},
        {"effectiveDateTime": None},
        {"valueQuantity": None, "dataAbsentReason": {"text": "unknown"}},
        {"valueQuantity": {"value": 72, "unit": "bpm"}},
        {"valueQuantity": {"value": 72, "system": "urn:other", "code": "/min"}},
        {"valueQuantity": {"value": 72, "comparator": "<", "system": UCUM, "code": "/min"}},
        {"valueQuantity": {"value": "72", "system": UCUM, "code": "/min"}},
        {"valueQuantity": {"value": True, "system": UCUM, "code": "/min"}},
        {"valueQuantity": {"value": 0, "system": UCUM, "code": "/min"}},
        {"valueQuantity": {"value": Decimal("NaN"), "system": UCUM, "code": "/min"}},
        {"code": {"coding": [{"system": "urn:other", "code": "8867-4"}]}},
        {"code": "8867-4"},
        {"meta": {"lastUpdated": "2024-05-01T07:54:59Z"}},
    ],
)
def test_takes_what_does_not_count_as_missing(change: dict[str, object]) -> None:
    assert _read(_observation("8867-4", 72) | change) == []


@pytest.mark.parametrize(
    ("code", "value", "unit"),
    [
        ("2708-6", 101, "%"), ("9269-2", 16, "{score}"), ("9269-2", Decimal("13.5"), "{score}"),
        ("8867-4", 900, "/min"), ("9279-1", 160, "/min"), ("8480-6", 1200, "mm[Hg]"), ("8462-4", 80, "kPa"),
        ("8310-5", Decimal("98.6"), "Cel"), ("8310-5", 37, "K"),
        ("3151-8", -1, "L/min"), ("3150-6", 101, "%"),
    ],
)  # fmt: skip
def test_takes_a_value_that_no_patient_has_as_missing(code: str, value: object, unit: str) -> None:
    assert _read(_observation(code, value, unit)) == []


@pytest.mark.parametrize(
    "effective",
    [
        {"effectiveInstant": "2024-05-01T08:00:00Z"},
        {"effectivePeriod": {"start": "2024-05-01T07:00:00Z", "end": "2024-05-01T08:00:00Z"}},
        {"effectivePeriod": {"start": "2024-05-01T08:00:00.000Z"}},
    ],
)
def test_takes_the_instant_from_any_form_and_of_a_period_the_end(effective: dict[str, object]) -> None:
    observation = _observation("8867-4", 72) | effective
    del observation["effectiveDateTime"]
    assert vitals_of(observation, id="o-1", version="7").at == AT


def test_tells_withdrawn_vitals_from_observations_that_are_none() -> None:
    withdrawn = vitals_of(_observation("8867-4", 72, status="entered-in-error"), id="o-1", version="7")
    laboratory = vitals_of(
        _observation("2160-0", 1, "mg/dL", status="entered-in-error"), id="o-2", version="1"
    )
    assert (withdrawn.problem, laboratory.problem) == ("withdrawn", None)
    assert removed(id="o-1", version="8", order="2").problem == "withdrawn"


def test_says_that_a_measurement_is_ahead_of_its_own_arrival() -> None:
    early = _observation("8867-4", 72, meta={"lastUpdated": "2024-05-01T07:54:59.999Z"})
    just = _observation("8867-4", 72, meta={"lastUpdated": "2024-05-01T07:55:00Z"})
    assert vitals_of(early, id="o-1", version="1").problem == "ahead"
    assert vitals_of(just, id="o-1", version="1").values == {Parameter.HEART_RATE: Decimal(72)}


def test_orders_versions_by_when_they_were_recorded_in_any_zone() -> None:
    first = _observation("8867-4", 72, meta={"lastUpdated": "2024-05-01T12:30:00+02:00"})
    second = _observation("8867-4", 72, meta={"lastUpdated": "2024-05-01T11:00:00Z"})
    orders = [vitals_of(item, id="o-1", version="1").order for item in (first, second)]
    assert orders == sorted(orders)
    assert vitals_of(first, id="o-1", version="1", order="mine").order == "mine"


@pytest.mark.parametrize("question", ["80288-4", "67775-7"])
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"valueQuantity": {"value": 15, "system": UCUM, "code": "{score}"}}, "no-value"),
        ({"valueInteger": 15}, "no-value"),
        ({"valueCodeableConcept": {"coding": [{"system": "urn:local", "code": "x"}]}}, "unknown-code"),
    ],
)
def test_names_consciousness_that_is_no_answer_of_acvpu(
    question: str, answer: dict[str, object], reason: str
) -> None:
    observation = _observation(question, 0) | {"valueQuantity": None} | answer
    assert _not_counted(observation) == {Parameter.CONSCIOUSNESS: reason}


@pytest.mark.parametrize(
    ("code", "value", "unit", "told"),
    [
        ("3151-8", 65_535, "L/min", {"impossible-flow"}),
        ("3151-8", Decimal("9E+999999"), "mL/min", {"impossible-flow"}),
        ("3151-8", Decimal("300.1"), "L/min", {"impossible-flow"}),
        ("3151-8", 300, "L/min", set()),
        ("3151-8", 65_535, "mL/min", set()),
        ("3151-8", -1, "L/min", {"impossible-value"}),
        ("3150-6", 100, "%", set()),
    ],
)
def test_a_flow_that_no_device_has_is_oxygen_and_named(
    code: str, value: object, unit: str, told: set[str]
) -> None:
    observation = _observation(code, value, unit)
    assert set(_not_counted(observation).values()) == told
    assert bool(_read(observation)) == ("impossible-value" not in told)


@pytest.mark.parametrize(("bound", "told"), [({}, {"impossible-flow"}), ({"comparator": "<"}, set())])
def test_a_bound_of_a_flow_beside_oxygen_that_counts_is_no_flow_that_no_device_has(
    bound: dict[str, str], told: set[str]
) -> None:
    observation = _observation("3150-6", 28, "%")
    flow = _observation("3151-8", 400, "L/min")
    flow["valueQuantity"] |= bound
    observation["component"] = [{key: flow[key] for key in ("code", "valueQuantity")}]
    assert set(_not_counted(observation).values()) == told
    assert _read(observation) == [("supplemental_oxygen", "oxygen")]


def test_a_plain_integer_that_no_patient_has_is_named_as_that() -> None:
    observation = _observation("9269-2", 0) | {"valueQuantity": None, "valueInteger": 99}
    assert _not_counted(observation) == {Parameter.CONSCIOUSNESS: "impossible-value"}


def test_names_a_value_that_does_not_count_once_however_many_codings_it_has() -> None:
    observation = _observation("8867-4", 900)
    observation["code"]["coding"] *= 1_000
    told: list[object] = list(_not_counted(observation))
    assert told == [Parameter.HEART_RATE]


@pytest.mark.parametrize(("value", "told"), [(1200, {"impossible-value"}), (120, set())])
def test_a_panel_is_judged_by_its_components_though_it_has_their_code(value: int, told: set[str]) -> None:
    pressure = _observation("8480-6", value, "mm[Hg]")
    panel = _observation("85354-9", 0, component=[{key: pressure[key] for key in ("code", "valueQuantity")}])
    panel["code"]["coding"] += pressure["code"]["coding"]
    del panel["valueQuantity"]
    assert set(_not_counted(panel).values()) == told
