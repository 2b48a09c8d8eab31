"""Quantities in one unit per kind, so that values of different senders can be compared.

UCUM, https://ucum.org/ucum (version 2.2): the factors below are exact by definition. A unit that is not listed, and what
depends on the substance (mmol/L against mg/dL), keeps its own unit: nothing is guessed.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

_ONE: Final = Decimal(1)
_ZERO: Final = Decimal(0)

# UCUM code → (canonical code, factor, offset): canonical = value × factor + offset.
CANONICAL: Final[dict[str, tuple[str, Decimal, Decimal]]] = {
    "kg": ("kg", _ONE, _ZERO),
    "g": ("kg", Decimal("0.001"), _ZERO),
    "[lb_av]": ("kg", Decimal("0.45359237"), _ZERO),
    "[oz_av]": ("kg", Decimal("0.028349523125"), _ZERO),
    "cm": ("cm", _ONE, _ZERO),
    "m": ("cm", Decimal(100), _ZERO),
    "mm": ("cm", Decimal("0.1"), _ZERO),
    "[in_i]": ("cm", Decimal("2.54"), _ZERO),
    "[ft_i]": ("cm", Decimal("30.48"), _ZERO),
    "Cel": ("Cel", _ONE, _ZERO),
    "K": ("Cel", _ONE, Decimal("-273.15")),
    "[degF]": ("Cel", Decimal(5) / Decimal(9), Decimal(-160) / Decimal(9)),
    "mm[Hg]": ("mm[Hg]", _ONE, _ZERO),
    "/min": ("/min", _ONE, _ZERO),
    "{beats}/min": ("/min", _ONE, _ZERO),
    "{breaths}/min": ("/min", _ONE, _ZERO),
    "/s": ("/min", Decimal(60), _ZERO),
    "Hz": ("/min", Decimal(60), _ZERO),
    "%": ("%", _ONE, _ZERO),
    "g/dL": ("g/dL", _ONE, _ZERO),
    "g/L": ("g/dL", Decimal("0.1"), _ZERO),
    "mg/dL": ("mg/dL", _ONE, _ZERO),
    "mg/L": ("mg/dL", Decimal("0.1"), _ZERO),
    "kg/m2": ("kg/m2", _ONE, _ZERO),
}


def canonical_quantity(value: Decimal, unit: str | None) -> tuple[Decimal, str | None]:
    """The value in its kind's canonical unit, and that unit; both unchanged where the unit is not known."""
    if unit is None or unit not in CANONICAL:
        return value, unit
    code, factor, offset = CANONICAL[unit]
    return value * factor + offset, code


def canonical_number(value: float, unit: str | None) -> tuple[float, str | None]:
    """`canonical_quantity` in binary floating point, which is what Spark computes: the same bits on both roads."""
    if unit is None or unit not in CANONICAL:
        return value, unit
    code, factor, offset = CANONICAL[unit]
    unchanged = factor == 1 and not offset
    return value if unchanged else value * float(factor) + float(offset), code
