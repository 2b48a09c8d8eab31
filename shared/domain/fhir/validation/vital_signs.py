"""Which vital sign an Observation is, by its LOINC code or, where it has none, by SNOMED CT.

https://hl7.org/fhir/R4/observation-vitalsigns.html: the LOINC code of the table must be present, others may be beside it.
The SNOMED CT concepts are those by which HL7's validator recognises a vital sign. Finer LOINC codes than the table's,
such as 8331-1 for an oral temperature, are let pass: systems send them, and they are LOINC's own kinds of the same thing.
An Observation with both pressures as components is a blood pressure, even if its code names one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from shared.domain.fhir.validation.code_shapes import LOINC, SNOMED

_CONCEPTS: Final = {
    "8867-4": "249043002 444981005 399017001 251670001 429525003 429614003",
    "9279-1": "86290005 271625008 271306003",
    "2708-6": "442476006 431314004",
    "8310-5": """
        386725007 276885007 300076005 1222808002 364246006 307047009 708499008 431598003 698831002 698832009
        415882003 415974002 415929009 415945006
    """,
    "8302-2": "1153637007 1162419008 50373000 1162418000 1230278008 1162392001 1162417005",
    "9843-4": "363812007 169876006 1269262007 363811000",
    "29463-7": "735395000 425024002 424927000 784399000 1162416001 1162415002",
    "39156-5": "60621009",
    "85354-9": """
        251076008 163033001 163035008 386534000 386536003 271649006 271650006 407556006 407554009 716579001 399304008
    """,
    "85353-1": "46680005",
}
VITAL_SIGN_OF: Final = {
    concept: loinc for loinc, concepts in _CONCEPTS.items() for concept in concepts.split()
}
"""SNOMED CT concept → the LOINC code of the vital sign that it is a kind of."""


_SYSTOLIC: Final = frozenset({"8459-0", "8460-8", "8461-6", "8480-6", "76534-7"})
_DIASTOLIC: Final = "8462-4"
_BLOOD_PRESSURE: Final = "85354-9"


def vital_sign_terms(observation: dict[str, Any]) -> Iterator[str]:
    """The LOINC codes by which an Observation is to be judged as a vital sign: its own, or those it should carry."""
    code = observation.get("code")
    codings = code.get("coding") if isinstance(code, dict) else None
    concepts: list[tuple[str, str]] = []
    terms: list[str] = []
    for coding in codings if isinstance(codings, list) else ():
        if isinstance(coding, dict):
            held = coding.get("code")
            if not isinstance(held, str):
                continue
            if coding.get("system") == LOINC:
                terms.append(held)
            else:
                concepts.append((str(coding.get("system")), held))
    yield from dict.fromkeys(terms)
    if not _SYSTOLIC.isdisjoint(terms) and _has_component(observation, _DIASTOLIC):
        yield _BLOOD_PRESSURE
    if not terms:
        for system, concept in dict.fromkeys(concepts):
            if system == SNOMED and concept in VITAL_SIGN_OF:
                yield VITAL_SIGN_OF[concept]


def _has_component(observation: dict[str, Any], term: str) -> bool:
    components = observation.get("component")
    for component in components if isinstance(components, list) else ():
        code = component.get("code") if isinstance(component, dict) else None
        codings = code.get("coding") if isinstance(code, dict) else None
        for coding in codings if isinstance(codings, list) else ():
            if isinstance(coding, dict) and (coding.get("system"), coding.get("code")) == (LOINC, term):
                return True
    return False
