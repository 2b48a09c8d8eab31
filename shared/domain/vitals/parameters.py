"""The vital-sign parameters as data: codes, units with exact conversions, and the hard limits of a value.

LOINC codes: FHIR R4 vital signs profiles, https://hl7.org/fhir/R4/observation-vitalsigns.html (heart rate
8867-4, respiratory rate 9279-1, oxygen saturation 2708-6 with 59408-5 by pulse oximetry, temperature 8310-5,
blood pressure panel 85354-9 with 8480-6 and 8462-4); LOINC, https://loinc.org, for consciousness (80288-4,
67775-7), Glasgow coma score total (9269-2) and inhaled oxygen (flow 3151-8, concentration 3150-6).
Units: UCUM 2.1, https://ucum.org/ucum: `[degF]` is 5/9 K with the offset of §4.5, `mm[Hg]` is 133.322 Pa.
Limits are the unit's own (a saturation is a share, a Glasgow score is 3 to 15, a pressure or rate is above zero), and
beyond what was ever measured in a person: a heart rate of 600/min (Chhabra L et al. Indian Pacing Electrophysiol J
2012;12:32-35), 480/350 mmHg (MacDougall JD et al. J Appl Physiol 1985;58:785-790), 13.7 and 46.5 degrees Celsius (Gilbert M
et al. Lancet 2000;355:375-376; Slovis CM et al. Ann Emerg Med 1982;11:269-271), 110 breaths a minute (the most asked for in
a test of maximal breathing, Miller MR et al. Eur Respir J 2005;26:319-338). What lies outside is no measurement: a heart
rate of 900, a temperature of 98.6 degrees Celsius. What is merely extreme is kept, because the scores exist for it.
A flow of oxygen has no upper limit: all that is read of it is whether oxygen is given, and who charts 15,000 L/min gives it
in another unit (mL/min). Taken as missing it would take the points of supplemental oxygen away. Beyond the 260 L/min to
which the ventilator HAMILTON-C6 rises at its peak it is told of as a flow that cannot be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"


class Parameter(StrEnum):
    """What a reading measures; the value's unit is the one named here."""

    RESPIRATORY_RATE = "respiratory_rate"  # breaths per minute
    OXYGEN_SATURATION = "oxygen_saturation"  # percent
    SUPPLEMENTAL_OXYGEN = "supplemental_oxygen"  # "air" or "oxygen"
    SYSTOLIC_BLOOD_PRESSURE = "systolic_blood_pressure"  # mmHg
    DIASTOLIC_BLOOD_PRESSURE = "diastolic_blood_pressure"  # mmHg
    HEART_RATE = "heart_rate"  # beats per minute
    CONSCIOUSNESS = "consciousness"  # A, C, V, P or U; a Glasgow coma score total as Decimal
    BODY_TEMPERATURE = "body_temperature"  # degrees Celsius


@dataclass(frozen=True, slots=True)
class Linear:
    """An exact conversion `(value - offset) * numerator / denominator` to the parameter's unit."""

    offset: Decimal = Decimal(0)
    numerator: Decimal = Decimal(1)
    denominator: Decimal = Decimal(1)

    def __call__(self, value: Decimal) -> Decimal:
        """The value in the parameter's unit; as sent where nothing needs converting, so its digits stay."""
        if self.offset == 0 and self.numerator == self.denominator:
            return value
        return (value - self.offset) * self.numerator / self.denominator


@dataclass(frozen=True, slots=True)
class Measure:
    """How one LOINC code is read: which parameter, in which units, between which limits (inclusive)."""

    parameter: Parameter
    units: Mapping[str, Linear]
    lowest: Decimal
    highest: Decimal
    whole: bool = False


_AS_IS = Linear()
_PER_MINUTE = {"/min": _AS_IS, "1/min": _AS_IS, "{beats}/min": _AS_IS, "{breaths}/min": _AS_IS,
               "{Beats}/min": _AS_IS, "{Breaths}/min": _AS_IS}  # fmt: skip
_PERCENT = {"%": _AS_IS, "1": Linear(numerator=Decimal(100))}
_PRESSURE = {"mm[Hg]": _AS_IS, "kPa": Linear(numerator=Decimal(1000), denominator=Decimal("133.322"))}
_TEMPERATURE = {
    "Cel": _AS_IS,
    "[degF]": Linear(offset=Decimal(32), numerator=Decimal(5), denominator=Decimal(9)),
    "K": Linear(offset=Decimal("273.15")),
}
_FLOW = {"L/min": _AS_IS, "l/min": _AS_IS, "mL/min": Linear(denominator=Decimal(1000)),
         "ml/min": Linear(denominator=Decimal(1000))}  # fmt: skip
_SCORE = {"{score}": _AS_IS, "1": _AS_IS, "{Score}": _AS_IS}
_TINY = Decimal("0.000001")  # above zero: a rate, saturation or pressure of nothing is a detached sensor
_ZERO, _HUNDRED = Decimal(0), Decimal(100)

_HIGHEST_PRESSURE = Decimal(500)
FLOW_CODE, CONCENTRATION_CODE = "3151-8", "3150-6"
HIGHEST_FLOW_L_PER_MIN = Decimal(300)

MEASURES: Mapping[str, Measure] = MappingProxyType({
    "8867-4": Measure(Parameter.HEART_RATE, _PER_MINUTE, _TINY, Decimal(600)),
    "9279-1": Measure(Parameter.RESPIRATORY_RATE, _PER_MINUTE, _TINY, Decimal(150)),
    "2708-6": Measure(Parameter.OXYGEN_SATURATION, _PERCENT, _TINY, _HUNDRED),
    "59408-5": Measure(Parameter.OXYGEN_SATURATION, _PERCENT, _TINY, _HUNDRED),
    "8480-6": Measure(Parameter.SYSTOLIC_BLOOD_PRESSURE, _PRESSURE, _TINY, _HIGHEST_PRESSURE),
    "8462-4": Measure(Parameter.DIASTOLIC_BLOOD_PRESSURE, _PRESSURE, _TINY, _HIGHEST_PRESSURE),
    "8310-5": Measure(Parameter.BODY_TEMPERATURE, _TEMPERATURE, Decimal(10), Decimal(50)),
    "9269-2": Measure(Parameter.CONSCIOUSNESS, _SCORE, Decimal(3), Decimal(15), whole=True),
    FLOW_CODE: Measure(Parameter.SUPPLEMENTAL_OXYGEN, _FLOW, _ZERO, Decimal("Infinity")),
    CONCENTRATION_CODE: Measure(Parameter.SUPPLEMENTAL_OXYGEN, _PERCENT, _ZERO, _HUNDRED),
})  # fmt: skip

CONSCIOUSNESS_CODES = frozenset({"80288-4", "67775-7"})

PARAMETER_CODES: Mapping[Parameter, tuple[str, ...]] = MappingProxyType({
    parameter: tuple(code for code, measure in MEASURES.items() if measure.parameter is parameter)
    + (tuple(sorted(CONSCIOUSNESS_CODES)) if parameter is Parameter.CONSCIOUSNESS else ())
    for parameter in Parameter
})  # fmt: skip

# LOINC answer codes; LOINC's own lists stop at AVPU, `Confused` is the answer that ACVPU implementers borrow.
# SNOMED CT: value set UKCore-ACVPU 2.1.0, https://simplifier.net/hl7fhirukcorer4/ukcore-acvpu
ACVPU_CODES: Mapping[tuple[str, str], str] = MappingProxyType({
    (LOINC, "LA9340-6"): "A", (LOINC, "LA6560-2"): "C", (LOINC, "LA17108-4"): "V",
    (LOINC, "LA17107-6"): "P", (LOINC, "LA9343-0"): "U",
    (SNOMED, "248234008"): "A", (SNOMED, "130987000"): "C", (SNOMED, "300202002"): "V",
    (SNOMED, "450847001"): "P", (SNOMED, "422768004"): "U",
})  # fmt: skip

# Dry air holds 20.9 % oxygen; devices and charts write room air as 21 %.
ROOM_AIR_PERCENT = Decimal(21)


def oxygen_source(loinc: str, value: Decimal) -> str:
    """`air` or `oxygen` for a flow in L/min or a concentration in percent."""
    if loinc == FLOW_CODE:
        return "oxygen" if value > 0 else "air"
    return "oxygen" if value > ROOM_AIR_PERCENT else "air"


def within(measure: Measure, value: Decimal) -> bool:
    """Whether a value in the parameter's unit can be a measurement at all."""
    if not measure.lowest <= value <= measure.highest:
        return False
    return not measure.whole or value == value.to_integral_value()


_OF_PARAMETER = {measure.parameter: measure for measure in MEASURES.values()}  # codes of one parameter agree


def possible(parameter: Parameter, value: Decimal | str) -> bool:
    """As `within`, of a parameter's value as it is kept; a word (`oxygen`, `A`) is possible."""
    return isinstance(value, str) or within(_OF_PARAMETER[parameter], value)
