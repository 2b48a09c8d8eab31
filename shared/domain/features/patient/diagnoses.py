"""Groups of diagnoses that features ask for: SNOMED CT concepts, and ICD-10-CM categories with all that is below them.

SNOMED CT: the concepts that US problem lists and Synthea use for the disease, not its whole hierarchy. ICD-10-CM 2026,
https://www.cdc.gov/nchs/icd/icd-10-cm. A code of another system is in no group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SNOMED: Final = "http://snomed.info/sct"
ICD_10: Final = ("http://hl7.org/fhir/sid/icd-10-cm", "http://hl7.org/fhir/sid/icd-10")


@dataclass(frozen=True, slots=True)
class Group:
    """One disease by its codes."""

    name: str
    words: str
    snomed: frozenset[str]
    icd_10: tuple[str, ...]

    def has(self, system: str | None, code: str | None) -> bool:
        """Whether a coding names the disease."""
        if code is None:
            return False
        return code in self.snomed if system == SNOMED else system in ICD_10 and code.startswith(self.icd_10)


def _group(name: str, words: str, snomed: str, icd_10: str) -> Group:
    return Group(name, words, frozenset(snomed.split()), tuple(icd_10.split()))


GROUPS: Final = (
    _group(
        "diabetes", "diabetes mellitus, or a disorder due to it",
        "73211009 44054006 46635009 127013003 368581000119106 422034002 1551000119108 97331000119101 60951000119105 "
        "90781000119102 157141000119108 1501000119109",
        "E08 E09 E10 E11 E13",
    ),
    _group("prediabetes", "prediabetes", "15777000 714628002", "R73.03"),
    _group("hypertension", "hypertension", "38341003 59621000", "I10 I11 I12 I13 I15 I16"),
    _group("obesity", "obesity", "414916001 162864005 408512008 238136002", "E66"),
    _group("hyperlipidaemia", "hyperlipidaemia", "55822004 302870006 13644009", "E78"),
    _group("metabolic_syndrome", "metabolic syndrome", "237602007", "E88.81"),
    _group(
        "heart_disease", "coronary disease, infarction, heart failure or atrial fibrillation",
        "53741008 22298006 399211009 88805009 84114007 49436004 414545008", "I20 I21 I22 I25 I48 I50",
    ),
    _group("stroke", "stroke", "230690007 422504002", "I61 I63 I64"),
    _group(
        "kidney_disease", "chronic kidney disease",
        "709044004 431855005 431856006 433144002 431857002 433146000 46177005", "N18",
    ),
    _group("anaemia", "anaemia", "271737000 87522002", "D50 D51 D52 D53 D55 D56 D57 D58 D59 D60 D61 D62 D63 D64"),
    _group(
        "lung_disease", "asthma, chronic bronchitis or emphysema",
        "195967001 233678006 185086009 87433001 13645005", "J41 J42 J43 J44 J45",
    ),
    _group("depression", "depression", "35489007 36923009 370143000", "F32 F33"),
)  # fmt: skip
BY_NAME: Final = {group.name: group for group in GROUPS}
SEPSIS: Final = _group(
    "sepsis", "sepsis, with or without septic shock",
    "91302008 10001005 76571007 448417001 448418006 448813005 449082003 238149007", "A40 A41 R65.2 O85 P36",
)  # fmt: skip
"""No feature asks for it: it is what the forecasts of sepsis are held against."""
