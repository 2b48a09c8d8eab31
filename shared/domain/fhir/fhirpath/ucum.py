"""Units of measure: whether two are comparable, and by what factor. https://ucum.org/ucum, the units that health data uses.

A unit that is not known is comparable to itself alone, and so are those with a zero of their own: `quantity` has degrees.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

import msgspec

_PREFIXES: Final[dict[str, int]] = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1,
    "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}  # fmt: skip

_BASES: Final = ("m", "s", "g", "rad", "K", "C", "cd")

_METRIC: Final[dict[str, tuple[str, str]]] = {
    "mol": ("6.0221367", "10*23"), "sr": ("1", "rad2"), "Hz": ("1", "s-1"), "N": ("1", "kg.m/s2"),
    "Pa": ("1", "N/m2"), "J": ("1", "N.m"), "W": ("1", "J/s"), "A": ("1", "C/s"), "V": ("1", "J/C"),
    "F": ("1", "C/V"), "Ohm": ("1", "V/A"), "S": ("1", "Ohm-1"), "Wb": ("1", "V.s"), "T": ("1", "Wb/m2"),
    "H": ("1", "Wb/A"), "lm": ("1", "cd.sr"), "lx": ("1", "lm/m2"), "Bq": ("1", "s-1"), "Gy": ("1", "J/kg"),
    "Sv": ("1", "J/kg"), "l": ("1", "dm3"), "L": ("1", "dm3"), "ar": ("100", "m2"), "t": ("1000", "kg"),
    "bar": ("100000", "Pa"), "u": ("1.6605402", "10*-24.g"), "eV": ("1.60217733", "10*-19.J"),
    "kat": ("1", "mol/s"), "U": ("1", "umol/min"), "cal": ("4.184", "J"), "eq": ("1", "mol"), "osm": ("1", "mol"),
    "g%": ("1", "g/dl"), "m[H2O]": ("9.80665", "kPa"), "m[Hg]": ("133.3220", "kPa"), "Ci": ("37", "10*9.Bq"),
    "[iU]": ("1", ""), "[IU]": ("1", ""), "dyn": ("1", "g.cm/s2"), "erg": ("1", "dyn.cm"), "P": ("1", "dyn.s/cm2"),
    "R": ("2.58", "10*-4.C/kg"), "RAD": ("100", "erg/g"), "REM": ("1", "RAD"), "st": ("1", "m3"), "mho": ("1", "S"),
}  # fmt: skip

_FIXED: Final[dict[str, tuple[str, str]]] = {
    "10*": ("10", "1"), "10^": ("10", "1"), "%": ("0.01", "1"), "[ppth]": ("0.001", "1"), "[ppm]": ("0.000001", "1"),
    "[ppb]": ("0.000000001", "1"), "[pi]": ("3.1415926535897932384626433832795", "1"), "min": ("60", "s"),
    "h": ("3600", "s"), "d": ("86400", "s"), "wk": ("7", "d"), "a": ("365.25", "d"), "mo": ("30.4375", "d"),
    "deg": ("2", "[pi].rad/360"), "[in_i]": ("2.54", "cm"), "[ft_i]": ("12", "[in_i]"), "[yd_i]": ("3", "[ft_i]"),
    "[mi_i]": ("5280", "[ft_i]"), "[in_us]": ("2.54000508", "cm"), "[lb_av]": ("453.59237", "g"),
    "[oz_av]": ("28.349523125", "g"),
    "[gr]": ("64.79891", "mg"), "[dr_av]": ("1.7718451953125", "g"), "[stone_av]": ("14", "[lb_av]"),
    "[gal_us]": ("231", "[in_i]3"), "[qt_us]": ("57.75", "[in_i]3"), "[pt_us]": ("28.875", "[in_i]3"),
    "[foz_us]": ("1.8046875", "[in_i]3"), "[cup_us]": ("14.4375", "[in_i]3"), "[tbs_us]": ("0.90234375", "[in_i]3"),
    "[tsp_us]": ("0.30078125", "[in_i]3"), "[psi]": ("6894.757293168361", "Pa"), "atm": ("101325", "Pa"),
    "[lbf_av]": ("4.4482216152605", "N"), "[Btu]": ("1055.05585262", "J"), "[Cal]": ("1", "kcal"), "[drp]": ("0.05", "ml"),
    "[in_i'H2O]": ("249.08891", "Pa"), "[in_i'Hg]": ("3386.3788", "Pa"), "[degR]": ("5", "K/9"), "gon": ("0.9", "deg"),
    "'": ("1", "deg/60"), "''": ("1", "'/60"), "[car_m]": ("0.2", "g"), "[acr_us]": ("4046.872609874252", "m2"),
}  # fmt: skip

_TERM: Final = re.compile(
    r"([./]?)(?:(\d+)|((?:\[[^\]]*\]|10[*^]|[^\s./\d{}()+\-\[\]])+)([+-]?\d+)?)?(\{[^}]*\})?"
)
_MAX_LENGTH: Final = 100
_MAX_EXPONENT: Final = 99


class Measure(msgspec.Struct, frozen=True):
    """`factor` of the base units, whose exponents are `dimension`: pairs of unit and exponent in order."""

    factor: Decimal
    dimension: tuple[tuple[str, int], ...]

    def times(self, other: Measure, exponent: int = 1) -> Measure:
        """This unit with `other` raised to `exponent`."""
        sums = dict(self.dimension)
        for unit, power in other.dimension:
            sums[unit] = sums.get(unit, 0) + power * exponent
        factor = other.factor**exponent
        return Measure(
            self.factor * factor, tuple(sorted((unit, power) for unit, power in sums.items() if power))
        )

    def scaled(self, factor: Decimal) -> Measure:
        """`factor` of this unit."""
        return Measure(self.factor * factor, self.dimension)


ONE: Final = Measure(Decimal(1), ())


@lru_cache(maxsize=1024)
def measure(unit: str) -> Measure:
    """What `unit` measures; a unit that is not known is a dimension of its own."""
    if len(unit) > _MAX_LENGTH:
        return Measure(Decimal(1), ((unit, 1),))
    return _read(unit) or Measure(Decimal(1), ((unit, 1),))


def _read(unit: str) -> Measure | None:
    result, place = ONE, 0
    while place < len(unit):
        match = _TERM.match(unit, place)
        if match is None or match.end() == place:
            return None
        sign, number, name, exponent, annotation = match.groups()
        term = _term(number, name, annotation)
        if term is None or (place and not sign and annotation is None):
            return None
        power = int(exponent or 1)
        if abs(power) > _MAX_EXPONENT:
            return None
        result = result.times(term, -power if sign == "/" else power)
        place = match.end()
    return result


def _term(number: str | None, name: str | None, annotation: str | None) -> Measure | None:
    if number is not None:
        return Measure(Decimal(number), ()) if int(number) else None
    if name is None:
        return ONE if annotation is not None else None
    return _atom(name) or _prefixed(name)


def _atom(name: str) -> Measure | None:
    if name in _BASES:
        return Measure(Decimal(1), ((name, 1),))
    entry = _METRIC.get(name) or _FIXED.get(name)
    if entry is None:
        return None
    return (
        Measure(Decimal(entry[0]), ()).times(measure(entry[1]))
        if entry[1]
        else Measure(Decimal(1), ((name, 1),))
    )


def _prefixed(name: str) -> Measure | None:
    for length in (2, 1):
        prefix, base = name[:length], name[length:]
        if prefix in _PREFIXES and (base in _BASES or base in _METRIC):
            atom = _atom(base)
            assert atom is not None
            return Measure(Decimal(1).scaleb(_PREFIXES[prefix]), ()).times(atom)
    return None
