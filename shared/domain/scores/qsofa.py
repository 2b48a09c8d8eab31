"""qSOFA, the quick Sequential (sepsis-related) Organ Failure Assessment, 2016.

Sources: Singer M et al. The Third International Consensus Definitions for Sepsis and Septic Shock (Sepsis-3).
JAMA 2016;315(8):801-810, box 4, https://doi.org/10.1001/jama.2016.0287; Seymour CW et al. Assessment of
Clinical Criteria for Sepsis. JAMA 2016;315(8):762-774, https://doi.org/10.1001/jama.2016.0288
Population: adults (18 or over) with suspected infection, outside intensive care; the record does not say
whether an infection is suspected, so the score is a prompt to look for one. Not for pregnancy, where the
normal ranges differ (Bowyer L et al., SOMANZ guidelines, Aust N Z J Obstet Gynaecol 2017;57:540-551, use a
modified score).
Units: respiratory rate per minute, systolic pressure mmHg, altered mentation is a Glasgow coma score below 15
or anything but alert on the ACVPU scale. One point each: rate >= 22, pressure <= 100, altered mentation.
Rates and pressures are rounded half up to whole numbers, as they are charted. A missing input gives no point
and is named: the partial total is a lower bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from shared.domain.scores.model import WHOLE, PatientContext, Score, ScoringRule, Values, charted
from shared.domain.vitals import Parameter, VitalReading

FAST_BREATHING_PER_MIN = Decimal(22)
LOW_SYSTOLIC_MMHG = Decimal(100)
FULL_GLASGOW = Decimal(15)


def _points(parameter: Parameter, values: Values, _context: PatientContext) -> int:
    value = values[parameter]
    if parameter is Parameter.CONSCIOUSNESS:
        return int(value < FULL_GLASGOW if isinstance(value, Decimal) else value != "A")
    number = charted(Decimal(value), WHOLE)
    if parameter is Parameter.RESPIRATORY_RATE:
        return int(number >= FAST_BREATHING_PER_MIN)
    return int(number <= LOW_SYSTOLIC_MMHG)


QSOFA = ScoringRule(
    model="qsofa",
    version="qsofa-jama-2016.1",
    title="quick Sequential Organ Failure Assessment",
    source="Singer M et al., JAMA 2016;315(8):801-810; Seymour CW et al., JAMA 2016;315(8):762-774",
    parameters=(Parameter.RESPIRATORY_RATE, Parameter.SYSTOLIC_BLOOD_PRESSURE, Parameter.CONSCIOUSNESS),
    youngest=18,
    points_of=_points,
    scale_of=lambda _context: None,
)


def score_qsofa(inputs: Mapping[Parameter, VitalReading], context: PatientContext, at: datetime) -> Score:
    """qSOFA at `at` from the last reading of each parameter."""
    return QSOFA.evaluate(inputs, context, at)
