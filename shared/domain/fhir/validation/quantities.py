"""Whether a code has the shape of a UCUM unit: terms, exponents, annotations, brackets that close.

https://ucum.org/ucum, section 2 (grammar, case sensitive). The shape only: atoms are not looked up, so a unit that
UCUM does not define passes when it is spelled as one could be.
"""

from __future__ import annotations

import re
from typing import Final

UCUM: Final = "http://unitsofmeasure.org"
MAX_UNIT_CHARACTERS: Final = 256
"""The longest units in use have some forty characters."""

_PRINTABLE: Final = re.compile(r"[!-~]+")
_ANNOTATION: Final = re.compile(r"\{[ -z|~]*\}")
"""UCUM has no spaces in annotations; HL7's own list of common units has."""
_FACTOR: Final = (
    r"(?:\d+|10[*^]|(?:[A-Za-z%'\"*^_]|\[[^\[\]]+\])(?:[A-Za-z%'\"_]|\[[^\[\]]+\]|\d(?=[A-Za-z_\[%]))*)"
)
_TERM: Final = rf"(?:{_FACTOR}(?:[+-]?\d+)?)"
_UNIT: Final = re.compile(rf"/?{_TERM}(?:[./]{_TERM})*")
_GROUP: Final = re.compile(r"\(([^()]*)\)(?:[+-]?\d+)?")
_ONE: Final = "1"


def is_ucum_shaped(code: str) -> bool:
    """Whether `code` is spelled as a UCUM unit can be: `mm[Hg]`, `10*9/L`, `{score}`, `mL/min/{1.73_m2}`, `%`."""
    if len(code) > MAX_UNIT_CHARACTERS:
        return False
    bare = _without_annotations(code)
    if bare is None or not _PRINTABLE.fullmatch(bare):
        return False
    for _ in range(MAX_UNIT_CHARACTERS):
        inner = _GROUP.search(bare)
        if inner is None:
            break
        if not _UNIT.fullmatch(inner[1]):
            return False
        bare = f"{bare[: inner.start()]}{_ONE}{bare[inner.end() :]}"
    return _UNIT.fullmatch(bare) is not None


def _without_annotations(code: str) -> str | None:
    """An annotation after a unit says nothing; alone it stands for 1. None where braces do not match."""
    bare, end = [], 0
    for found in _ANNOTATION.finditer(code):
        bare.append(code[end : found.start()])
        if found.start() == 0 or code[found.start() - 1] in "./(":
            bare.append(_ONE)
        end = found.end()
    bare.append(code[end:])
    text = "".join(bare)
    return None if "{" in text or "}" in text else text
