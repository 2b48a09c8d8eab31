"""Codes and units that are only known by their form."""

from __future__ import annotations

import time

import pytest

from shared.domain.fhir.validation.code_shapes import SHAPED
from shared.domain.fhir.validation.quantities import is_ucum_shaped
from shared.domain.fhir.validation.vital_signs import VITAL_SIGN_OF
from tests.unit.validation.explain.resources import errors, patient

FORMS = {
    "http://snomed.info/sct": (
        ["22298006", "73211009", "900000000000207008", "73211009:363698007=1"],
        ["1", "22298007", "x"],
    ),
    "http://loinc.org": (["8310-5", "85354-9", "LA6576-8", "LP6464-4"], ["8310-4", "8310", "a-1"]),
    "urn:ietf:bcp:47": (
        ["en", "en-US", "zh-Hant-TW", "sgn-BE-FR", "x-own"],
        ["e", "en_US", "english language"],
    ),
    "urn:ietf:bcp:13": (
        ["text/plain", "application/fhir+json; fhirVersion=4.0", "image/*", "json"],
        ["pdf", "a b/c"],
    ),
    "urn:iso:std:iso:4217": (["EUR"], ["eur", "\u20ac"]),
}
UNITS = """
    mm[Hg] 10*9/L 10^3 {score} mL/min/{1.73_m2} % kg/m2 [degF] Cel m[H2O] /min {beats}/min ug/(kg.h) [in_i] 1 /[HPF] [IU]/L
    ng/mL{FEU} [pH] B[SPL] L/(min.m2) s-1 kg.m.s-2 ug/kg/(8.h) m/s2 [arb'U]/mL ' wk
""".split()  # noqa: SIM905


@pytest.mark.parametrize("system", sorted(FORMS))
def test_tells_codes_by_their_form(system: str) -> None:
    good, bad = FORMS[system]
    assert [code for code in good if code not in SHAPED[system]] == []
    assert [code for code in bad if code in SHAPED[system]] == []


def test_knows_the_shape_of_units() -> None:
    assert [unit for unit in UNITS if not is_ucum_shaped(unit)] == []
    wrong = [
        "mm Hg",
        "mmHg[",
        "{x",
        "kg//m",
        "",
        "mg/dL ",
        "µg",
        "(",
        ")",
        "a..b",
        "10*9/",
        "{a}}",
        "x" * 257,
    ]
    assert [unit for unit in wrong if is_ucum_shaped(unit)] == []


def test_a_required_binding_to_a_system_known_by_form_asks_for_the_form() -> None:
    assert errors(patient(photo=[{"contentType": "image/png", "url": "http://a.b/c"}])) == []
    assert errors(patient(photo=[{"contentType": "png", "url": "http://a.b/c"}])) == [
        ("binding-required", "Patient.photo[0].contentType")
    ]


def test_hostile_codes_take_little_time() -> None:
    began = time.process_time()
    for unit in ("a1", "[", "(", "{", "1", "a-", "en-", "text/", ";", "[a]", "a."):
        for size in (250, 100_000):
            text = unit * (size // len(unit))
            is_ucum_shaped(text)
            for shape in SHAPED.values():
                assert isinstance(text in shape, bool)
    assert time.process_time() - began < 5


def test_the_concepts_of_vital_signs_are_identifiers_of_snomed_ct() -> None:
    assert [concept for concept in VITAL_SIGN_OF if concept not in SHAPED["http://snomed.info/sct"]] == []
