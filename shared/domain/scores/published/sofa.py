"""SOFA, the Sequential (sepsis-related) Organ Failure Assessment.

Source: Vincent JL et al. The SOFA score to describe organ dysfunction/failure. Intensive Care Med 1996;22(7):707-710,
table 3, https://doi.org/10.1007/BF01709751; Singer M et al. (Sepsis-3), JAMA 2016;315(8):801-810, table 1.
Population: adults in intensive care; the worst value of each item within 24 hours.
Units: PaO2 mmHg, FiO2 as a fraction (0.21 to 1), platelets 10^9/L, bilirubin and creatinine mg/dL, mean arterial
pressure mmHg, catecholamines microgram/kg/min given for an hour or more, urine mL/day, Glasgow coma score 3 to 15.
The table leaves gaps (bilirubin 12.0, creatinine 5.0): a value on a limit gives the higher points. Three and four
points for respiration need respiratory support; where that is unknown, no support is assumed, which is the lower
bound. The worse of creatinine and urine counts. A missing organ gives no points and is named.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.scores.published.tally import Number, Tally, checked, step, tally

VERSION = "sofa-icm-1996.1"
# Sepsis-3: a rise of 2 points or more over the baseline is organ dysfunction; without a history the baseline is 0.
BANDS = ((0, "below 2"), (2, "organ dysfunction"))


@dataclass(frozen=True, slots=True)
class Catecholamines:
    """Doses in microgram/kg/min; 0 for what is not given."""

    dopamine: Number = 0
    dobutamine: Number = 0
    epinephrine: Number = 0
    norepinephrine: Number = 0

    @property
    def points(self) -> int:
        """Cardiovascular points of the doses alone."""
        if self.dopamine > 15 or self.epinephrine > 0.1 or self.norepinephrine > 0.1:
            return 4
        if self.dopamine > 5 or self.epinephrine > 0 or self.norepinephrine > 0:
            return 3
        return 2 if self.dopamine > 0 or self.dobutamine > 0 else 0


def score_sofa(
    *,
    pao2_mmhg: Number | None = None,
    fio2: Number | None = None,
    respiratory_support: bool = False,
    platelets_per_nl: Number | None = None,
    bilirubin_mg_dl: Number | None = None,
    mean_arterial_pressure_mmhg: Number | None = None,
    catecholamines: Catecholamines | None = None,
    glasgow: int | None = None,
    creatinine_mg_dl: Number | None = None,
    urine_ml_per_day: Number | None = None,
) -> Tally:
    """SOFA, 0 to 24. Raises Implausible for a value that cannot be."""
    pao2 = checked("PaO2", pao2_mmhg, 1, 800)
    oxygen = checked("FiO2", fio2, 0.21, 1)
    ratio = None if pao2 is None or oxygen is None else float(pao2) / float(oxygen)
    platelets = checked("platelets", platelets_per_nl, 0, 5000)
    pressure = checked("mean arterial pressure", mean_arterial_pressure_mmhg, 0, 300)
    items = {
        "respiration": _respiration(ratio, support=respiratory_support),
        "coagulation": None if platelets is None else sum(platelets < limit for limit in (150, 100, 50, 20)),
        "liver": step(checked("bilirubin", bilirubin_mg_dl, 0, 100), ((1.2, 1), (2, 2), (6, 3), (12, 4))),
        "cardiovascular": _cardiovascular(pressure, catecholamines),
        "nervous system": _nervous(checked("Glasgow coma score", glasgow, 3, 15)),
        "kidney": _kidney(
            checked("creatinine", creatinine_mg_dl, 0, 100), checked("urine", urine_ml_per_day, 0, 50_000)
        ),
    }
    return tally("sofa", VERSION, items, BANDS)


def _respiration(ratio: float | None, *, support: bool) -> int | None:
    if ratio is None:
        return None
    points = sum(ratio < limit for limit in (400, 300, 200, 100))
    return points if support else min(points, 2)


def _cardiovascular(pressure: Number | None, given: Catecholamines | None) -> int | None:
    if pressure is None and given is None:
        return None
    low = 0 if pressure is None else int(pressure < 70)
    return max(low, given.points if given else 0)


def _nervous(glasgow: Number | None) -> int | None:
    return None if glasgow is None else sum(glasgow < limit for limit in (15, 13, 10, 6))


def _kidney(creatinine: Number | None, urine: Number | None) -> int | None:
    known = []
    if creatinine is not None:
        known.append(step(creatinine, ((1.2, 1), (2, 2), (3.5, 3), (5, 4))) or 0)
    if urine is not None:
        known.append(4 if urine < 200 else 3 if urine < 500 else 0)
    return max(known, default=None)
