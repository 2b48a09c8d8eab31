"""The observed quantities that features are made of: LOINC codes, the unit, what other units come to, what is possible.

Codes: LOINC, https://loinc.org. Units: UCUM 2.2, https://ucum.org/ucum. Factors between mass and amount of substance are
the molar masses (glucose 180.16, cholesterol 386.65, triglycerides 885.4, creatinine 113.12 g/mol). HbA1c in mmol/mol:
the IFCC-NGSP master equation, Hoelzel W et al. Clinical Chemistry 50 (2004) 166. The bounds are wider than what was
ever survived: a value beyond them is a slip of unit or key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LOINC: Final = "http://loinc.org"


@dataclass(frozen=True, slots=True)
class Measure:
    """One quantity. `units`: UCUM code → factor and offset to `unit`; a value beyond `low` and `high` cannot be."""

    name: str
    words: str
    unit: str
    codes: tuple[str, ...]
    units: Mapping[str, tuple[float, float]]
    low: float
    high: float

    def in_unit(self, value: float, unit: str | None) -> float | None:
        """The value in the measure's unit; None for a unit that is not known."""
        if unit is None or unit not in self.units:
            return None
        factor, offset = self.units[unit]
        return value if (factor, offset) == (1.0, 0.0) else value * factor + offset


_SAME: Final = (1.0, 0.0)


def _mass(per_mmol: float) -> dict[str, tuple[float, float]]:
    """Concentrations as mg/dL."""
    return {"mg/dL": _SAME, "g/L": (100.0, 0.0), "mmol/L": (per_mmol, 0.0)}


_PRESSURE: Final = {"mm[Hg]": _SAME, "mmHg": _SAME, "kPa": (7.50062, 0.0)}
_RATE: Final = dict.fromkeys(("mL/min/{1.73_m2}", "mL/min/1.73m2", "mL/min"), _SAME)

MEASURES: Final = (
    Measure("bmi", "body mass index", "kg/m2", ("39156-5",), {"kg/m2": _SAME}, 8, 120),
    Measure(
        "body_weight", "body weight", "kg", ("29463-7",),
        {"kg": _SAME, "g": (0.001, 0.0), "[lb_av]": (0.45359237, 0.0)}, 2, 500,
    ),
    Measure("systolic", "systolic blood pressure", "mm[Hg]", ("8480-6",), _PRESSURE, 40, 300),
    Measure("diastolic", "diastolic blood pressure", "mm[Hg]", ("8462-4",), _PRESSURE, 20, 200),
    Measure("glucose", "glucose", "mg/dL", ("2339-0", "2345-7", "1558-6"), _mass(18.016), 10, 2000),
    Measure(
        "hba1c", "haemoglobin A1c", "%", ("4548-4", "17856-6", "59261-8"),
        {"%": _SAME, "mmol/mol": (0.09148, 2.152)}, 3, 25,
    ),
    Measure("cholesterol", "total cholesterol", "mg/dL", ("2093-3",), _mass(38.665), 20, 2000),
    Measure("ldl", "LDL cholesterol", "mg/dL", ("18262-6", "13457-7", "2089-1"), _mass(38.665), 2, 1500),
    Measure("hdl", "HDL cholesterol", "mg/dL", ("2085-9",), _mass(38.665), 2, 300),
    Measure("triglycerides", "triglycerides", "mg/dL", ("2571-8",), _mass(88.54), 5, 20000),
    Measure(
        "creatinine", "creatinine", "mg/dL", ("2160-0", "38483-4"),
        {"mg/dL": _SAME, "mg/L": (0.1, 0.0), "umol/L": (0.011312, 0.0)}, 0.05, 50,
    ),
    Measure("egfr", "estimated glomerular filtration rate", "mL/min/{1.73_m2}", ("33914-3", "62238-1"), _RATE, 0, 300),
    Measure("haemoglobin", "haemoglobin", "g/dL", ("718-7",), {"g/dL": _SAME, "g/L": (0.1, 0.0)}, 1, 30),
)  # fmt: skip
BY_CODE: Final = {code: measure for measure in MEASURES for code in measure.codes}
SMOKING: Final = "72166-2"
"""LOINC: tobacco smoking status."""
SMOKES: Final = frozenset({"449868002", "428041000124106", "77176002", "428071000124103", "428061000124105"})
"""SNOMED CT: current smoker, of any amount."""
CODES: Final = (*BY_CODE, SMOKING)
"""Every LOINC code of an Observation, or of a component, that features look at."""
