"""Models watched: drift of what they are asked about, calibration, and how many patients they alert, by week."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from local.report.charts import Bar, Line, bars, lines
from local.report.figures import SHOWN, Figure, largest, rows_table
from local.report.tables import MODELS, Gold, Row

_PERCENT: Final = 100.0


def models(gold: Gold) -> list[Figure]:
    """The newest week's drift by feature, calibration by week, and alerts by week."""
    rows = gold.rows(MODELS)
    newest = max((row["week_on"] for row in rows), default=None)
    return [
        _drift([row for row in rows if row["kind"] == "drift" and row["week_on"] == newest]),
        _calibration([row for row in rows if row["kind"] == "calibration"]),
        _burden([row for row in rows if row["kind"] == "burden"]),
    ]


def _drift(rows: list[Row]) -> Figure:
    shown = largest(rows, "value")
    return Figure(
        "Drift in the newest week",
        "The population stability index of each feature against the training data, the largest first; probability is the "
        "forecast itself. The table has the bound beyond which a feature has drifted.",
        bars([Bar(row["subject"], row["value"]) for row in shown], "population stability index"),
        rows_table(
            shown,
            ("subject", "value", "high", "rows", "out_of_bounds", "known_by"),
            ("feature", "index", "bound", "patients", "out of bounds", "clock"),
        ),
        MODELS,
    )


def _calibration(rows: list[Row]) -> Figure:
    shown = _latest(rows)
    return Figure(
        "Calibration by week",
        "The mean forecast of the patients whose outcome is known by now; the whisker is the 95 % interval of the share "
        "that had it, and a forecast beside its whisker is out of bounds.",
        bars([Bar(f"{row['week_on']}", row["value"], row["low"], row["high"]) for row in shown], "share of patients"),
        rows_table(
            shown,
            ("week_on", "value", "low", "high", "rows", "out_of_bounds", "known_by"),
            ("week", "forecast", "seen, low", "seen, high", "patients", "out of bounds", "clock"),
        ),
        MODELS,
    )  # fmt: skip


def _burden(rows: list[Row]) -> Figure:
    shown = _latest(rows)
    clocks = sorted({row["known_by"] for row in rows})
    drawn = [
        Line(
            f"by the {clock}'s clock",
            [(_day(row), row["value"] * _PERCENT) for row in _in_order(rows) if row["known_by"] == clock],
            [
                (_day(row), row["value"] * _PERCENT)
                for row in _in_order(rows)
                if row["known_by"] == clock and row["out_of_bounds"]
            ],
        )
        for clock in clocks
    ]
    days = sorted({_day(row) for row in rows})
    labels = [(day, date.fromordinal(day).strftime("%b %Y")) for day in days[:: max(1, len(days) // 5 + 1)]]
    return Figure(
        "Alerts by week",
        "How many of a hundred patients the model was asked about it alerted; a diamond marks a week with too many.",
        lines(drawn, labels, "alerts a hundred patients"),
        rows_table(
            shown,
            ("week_on", "value", "high", "rows", "out_of_bounds", "known_by"),
            ("week", "alerts a patient", "bound", "patients", "out of bounds", "clock"),
        ),
        MODELS,
    )


def _day(row: Row) -> int:
    day: date = row["week_on"]
    return day.toordinal()


def _in_order(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row["week_on"], row["known_by"]))


def _latest(rows: Iterable[Row]) -> list[Row]:
    return _in_order(rows)[-SHOWN:]
