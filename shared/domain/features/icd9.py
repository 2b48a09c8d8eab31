"""Groups of ICD-9-CM diagnoses: the chapters, and the diseases within them that readmissions are told apart by.

Source: ICD-9-CM, tabular list, https://www.cdc.gov/nchs/icd/icd9cm.htm. A code is in every group whose range holds
it; V and E codes and a missing code are groups of their own.
"""

from __future__ import annotations

import math
from typing import Final

# Group → first and last category; the last one includes its subdivisions (414 holds 414.01).
RANGES: Final[dict[str, tuple[int, int]]] = {
    "infections": (1, 139),
    "septicaemia": (38, 38),
    "neoplasms": (140, 239),
    "diabetes": (250, 250),
    "other endocrine": (251, 279),
    "fluid disorders": (276, 276),
    "blood": (280, 289),
    "anaemia": (285, 285),
    "mental": (290, 319),
    "nervous system": (320, 389),
    "hypertension": (401, 405),
    "ischaemic heart": (410, 414),
    "myocardial infarction": (410, 410),
    "conduction": (426, 427),
    "heart failure": (428, 428),
    "cerebrovascular": (430, 438),
    "vessels": (440, 459),
    "pneumonia": (480, 488),
    "chronic lung": (490, 496),
    "other respiratory": (460, 519),
    "digestive": (520, 579),
    "liver": (570, 573),
    "pancreas": (577, 577),
    "genitourinary": (580, 629),
    "acute kidney": (584, 584),
    "chronic kidney": (585, 586),
    "urinary tract": (599, 599),
    "pregnancy": (630, 679),
    "skin": (680, 709),
    "cellulitis": (681, 682),
    "skin ulcer": (707, 707),
    "musculoskeletal": (710, 739),
    "osteoarthrosis": (715, 715),
    "congenital": (740, 759),
    "symptoms": (780, 799),
    "chest symptoms": (786, 786),
    "fractures": (800, 829),
    "injuries": (830, 959),
    "poisoning": (960, 979),
    "complications of care": (996, 999),
}
SUPPLEMENTARY: Final = "supplementary (V)"
EXTERNAL: Final = "external causes (E)"
NONE: Final = "none"
_CATEGORY_LENGTH: Final = 3
GROUPS: Final = (*RANGES, SUPPLEMENTARY, EXTERNAL, NONE)


def category(code: str) -> str:
    """The category of a code: what stands before the point (`250.83` → `250`), empty for a missing one."""
    text = code.strip().upper()
    return "" if text in ("", "?") else text.split(".", maxsplit=1)[0]


def number(code: str) -> float | None:
    """The code as a number (`250.83`); None for V and E codes and for what is no code."""
    text = code.strip()
    value = float(text) if text.replace(".", "", 1).isdecimal() else math.inf
    return value if math.isfinite(value) else None


def groups_of(code: str) -> frozenset[str]:
    """The groups that a code is in; a code that is in none has no groups."""
    whole = category(code)
    if not whole:
        return frozenset((NONE,))
    if whole[0] in "VE":
        return frozenset((SUPPLEMENTARY if whole[0] == "V" else EXTERNAL,))
    if not whole.isdecimal() or len(whole) > _CATEGORY_LENGTH:
        return frozenset()
    place = int(whole)
    return frozenset(name for name, (first, last) in RANGES.items() if first <= place <= last)
