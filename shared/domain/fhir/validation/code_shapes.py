"""Whether a code can be one of a code system whose codes have a form, without knowing the codes themselves.

SNOMED CT: https://confluence.ihtsdotools.org/display/DOCRELFMT/6+SNOMED+CT+Identifiers (6 to 18 digits, Verhoeff's check
digit last). LOINC: https://loinc.org/kb/users-guide (a check digit of modulus 10 after the hyphen). Languages: RFC 5646.
Media types: RFC 6838, section 4.2. Currencies: ISO 4217. UCUM: `validation.quantities`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from shared.domain.fhir.definitions.model import Definitions
from shared.domain.fhir.validation.quantities import UCUM, is_ucum_shaped

SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
LANGUAGES: Final = "urn:ietf:bcp:47"
MEDIA_TYPES: Final = "urn:ietf:bcp:13"
CURRENCIES: Final = "urn:iso:std:iso:4217"

_SCTID: Final = re.compile(r"[1-9][0-9]{5,17}")
_LOINC: Final = re.compile(r"([1-9][0-9]{0,7})-([0-9])")
_LOINC_PART: Final = re.compile(r"L[APGL][1-9][0-9]{0,7}-[0-9]")
_LANGUAGE: Final = re.compile(
    r"(?:[A-Za-z]{2,3}(?:-[A-Za-z]{3}){0,3}|[A-Za-z]{4,8})(?:-[A-Za-z0-9]{1,8}){0,12}|[xi](?:-[A-Za-z0-9]{1,8}){1,12}"
)
_MEDIA_TYPE: Final = re.compile(
    r"[A-Za-z0-9][\w!#$&^.+-]{0,126}/(?:[A-Za-z0-9][\w!#$&^.+-]{0,126}|\*)[ ]?(?:;.*)?", re.ASCII
)
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_SHORT: Final = 64
_FORMATS: Final = frozenset({"xml", "json", "ttl"})
"""https://hl7.org/fhir/R4/http.html#mime-type: the short forms that stand for media types."""

_VERHOEFF_PRODUCT: Final = tuple(
    bytes(map(int, row))
    for row in (
        "0123456789",
        "1234067895",
        "2340178956",
        "3401289567",
        "4012395678",
        "5987604321",
        "6598710432",
        "7659821043",
        "8765932104",
        "9876543210",
    )
)
_VERHOEFF_TURN: Final = tuple(
    bytes(map(int, row))
    for row in (
        "0123456789",
        "1576283094",
        "5803796142",
        "8916043527",
        "9453126870",
        "4286573901",
        "2793806415",
        "7046913258",
    )
)


def codes_of(system: str, definitions: Definitions) -> Container[str] | None:
    """What `in` asks whether a code can be of `system`: all its codes where the specification holds them, else their form.

    None for a system of which neither is known.
    """
    known = definitions.code_system(system)
    return SHAPED.get(system) if known is None else known


class Shaped:
    """The codes of one form, as a container. Answers about short codes are kept: the same ones come again and again."""

    def __init__(self, shape: Callable[[str], bool]) -> None:
        self._shape = shape
        self._known = lru_cache(maxsize=4096)(shape)

    def __contains__(self, code: object) -> bool:
        if not isinstance(code, str):
            return False
        return self._known(code) if len(code) <= _SHORT else self._shape(code)


def is_sctid(code: str) -> bool:
    """Whether `code` is a SNOMED CT identifier, or an expression made of some (which is not looked into)."""
    if not _SCTID.fullmatch(code):
        return not code.isdigit() and any(sign in code for sign in ":+=|")
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = _VERHOEFF_PRODUCT[check][_VERHOEFF_TURN[place % 8][int(digit)]]
    return check == 0


def is_loinc(code: str) -> bool:
    """Whether `code` is a LOINC term with the right check digit, or could be a part, answer, list or group."""
    if _LOINC_PART.fullmatch(code):
        return True
    match = _LOINC.fullmatch(code)
    return match is not None and _luhn(match[1]) == int(match[2])


def is_language(code: str) -> bool:
    """Whether `code` is a well-formed language tag."""
    return _LANGUAGE.fullmatch(code) is not None


def is_media_type(code: str) -> bool:
    """Whether `code` is a media type, or one of the short forms that FHIR has for its own."""
    return code in _FORMATS or _MEDIA_TYPE.fullmatch(code) is not None


def is_currency(code: str) -> bool:
    """Whether `code` has three capital letters, as ISO 4217 writes currencies."""
    return _CURRENCY.fullmatch(code) is not None


def _luhn(digits: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return -total % 10


SHAPED: Final[Mapping[str, Shaped]] = MappingProxyType(
    {
        SNOMED: Shaped(is_sctid),
        LOINC: Shaped(is_loinc),
        LANGUAGES: Shaped(is_language),
        MEDIA_TYPES: Shaped(is_media_type),
        CURRENCIES: Shaped(is_currency),
        UCUM: Shaped(is_ucum_shaped),
    }
)
"""Code system → what has the form of its codes."""
