"""NEWS2, the National Early Warning Score of the Royal College of Physicians, 2017.

Source: Royal College of Physicians. National Early Warning Score (NEWS) 2. Updated report of a working party,
London 2017, chart 1 "The NEWS scoring system",
https://www.rcp.ac.uk/improving-care/resources/national-early-warning-score-news-2/
Population: patients aged 16 or over who are not pregnant. SpO2 scale 2 only for patients with hypercapnic
respiratory failure (target 88-92 %).
Units: respiratory rate and pulse per minute, SpO2 percent, systolic pressure mmHg, temperature degrees
Celsius, air or oxygen, consciousness on the ACVPU scale, where C is new confusion. Of a Glasgow coma score 15
is read as alert and anything lower as C, V, P or U, which the chart scores alike.
Values are rounded half up to what the chart shows (whole numbers, tenths of a degree) before they are looked
up.
A missing input gives no points and is named: the partial total is a lower bound. Where oxygen is unknown,
SpO2 on scale 2 is scored as on air.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from shared.domain.scores.model import TENTH, WHOLE, PatientContext, Score, ScoringRule, Values, charted
from shared.domain.vitals import Parameter, VitalReading

# Rows of the chart, left to right: the highest value of the column and its points; None is the last column.
Row = tuple[tuple[Decimal | None, int], ...]


def _row(*columns: tuple[str | None, int]) -> Row:
    return tuple((None if highest is None else Decimal(highest), points) for highest, points in columns)


CHART: Mapping[Parameter, Row] = MappingProxyType({
    Parameter.RESPIRATORY_RATE: _row(("8", 3), ("11", 1), ("20", 0), ("24", 2), (None, 3)),
    Parameter.OXYGEN_SATURATION: _row(("91", 3), ("93", 2), ("95", 1), (None, 0)),
    Parameter.SYSTOLIC_BLOOD_PRESSURE: _row(("90", 3), ("100", 2), ("110", 1), ("219", 0), (None, 3)),
    Parameter.HEART_RATE: _row(("40", 3), ("50", 1), ("90", 0), ("110", 1), ("130", 2), (None, 3)),
    Parameter.BODY_TEMPERATURE: _row(("35.0", 3), ("36.0", 1), ("38.0", 0), ("39.0", 1), (None, 2)),
})  # fmt: skip
SCALE_2_ON_AIR = _row(("83", 3), ("85", 2), ("87", 1), (None, 0))
SCALE_2_ON_OXYGEN = _row(("83", 3), ("85", 2), ("87", 1), ("92", 0), ("94", 1), ("96", 2), (None, 3))
OXYGEN_POINTS = MappingProxyType({"air": 0, "oxygen": 2})
CONSCIOUSNESS_POINTS = MappingProxyType({"A": 0, "C": 3, "V": 3, "P": 3, "U": 3})
FULL_GLASGOW = 15


def points_in(row: Row, value: Decimal) -> int:
    """The points of the first column that reaches the value."""
    return next(points for highest, points in row if highest is None or value <= highest)


def _points(parameter: Parameter, values: Values, context: PatientContext) -> int:
    value = values[parameter]
    if parameter is Parameter.SUPPLEMENTAL_OXYGEN:
        return OXYGEN_POINTS[str(value)]
    if parameter is Parameter.CONSCIOUSNESS:
        if isinstance(value, Decimal):
            return CONSCIOUSNESS_POINTS["A" if value >= FULL_GLASGOW else "C"]
        return CONSCIOUSNESS_POINTS[value]
    row = CHART[parameter]
    if parameter is Parameter.OXYGEN_SATURATION and context.hypercapnic:
        on_oxygen = values.get(Parameter.SUPPLEMENTAL_OXYGEN) == "oxygen"
        row = SCALE_2_ON_OXYGEN if on_oxygen else SCALE_2_ON_AIR
    return points_in(
        row, charted(Decimal(value), TENTH if parameter is Parameter.BODY_TEMPERATURE else WHOLE)
    )


def _scale(context: PatientContext) -> int:
    return 2 if context.hypercapnic else 1


NEWS2 = ScoringRule(
    model="news2",
    version="news2-rcp-2017.1",
    title="National Early Warning Score 2",
    source="Royal College of Physicians, National Early Warning Score (NEWS) 2, London 2017",
    parameters=(
        Parameter.RESPIRATORY_RATE,
        Parameter.OXYGEN_SATURATION,
        Parameter.SUPPLEMENTAL_OXYGEN,
        Parameter.SYSTOLIC_BLOOD_PRESSURE,
        Parameter.HEART_RATE,
        Parameter.CONSCIOUSNESS,
        Parameter.BODY_TEMPERATURE,
    ),
    youngest=16,
    points_of=_points,
    scale_of=_scale,
)


def score_news2(inputs: Mapping[Parameter, VitalReading], context: PatientContext, at: datetime) -> Score:
    """NEWS2 at `at` from the last reading of each parameter."""
    return NEWS2.evaluate(inputs, context, at)
