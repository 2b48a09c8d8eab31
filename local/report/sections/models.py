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
    newest: dict[str, date] = {}
    for row in rows:
        newest[row["model"]] = max(newest.get(row["model"], row["week_on"]), row["week_on"])
    return [
        _drift([row for row in rows if row["kind"] == "drift" and row["week_on"] == newest[row["model"]]]),
        _calibration([row for row in rows if row["kind"] == "calibration"]),
        _burden([row for row in rows if row["kind"] == "burden"]),
    ]


def _drift(rows: list[Row]) -> Figure:
    shown = largest(rows, "value")
    return Figure(
        "Drift in the newest week",
        "The population stability index of each input against the training data, the largest first; probability is the "
        "forecast itself. The table has the bound beyond which a feature has drifted.",
        bars(
            [Bar(f"{row['model']}: {row['subject']}", row["value"]) for row in shown],
            "population stability index",
        ),
        rows_table(
            shown,
            ("model", "subject", "value", "high", "rows", "out_of_bounds", "known_by"),
            ("model", "input", "index", "bound", "forecasts", "out of bounds", "clock"),
        ),
        MODELS,
    )


def _calibration(rows: list[Row]) -> Figure:
    shown = _latest(rows)
    return Figure(
        "Calibration by week",
        "The mean of the forecasts whose outcome is known by now; the whisker is the 95 % interval of the share "
        "that had it, and a forecast beside its whisker is out of bounds.",
        bars(
            [Bar(f"{row['model']} {row['week_on']}", row["value"], row["low"], row["high"]) for row in shown],
            "share with the outcome",
        ),
        rows_table(
            shown,
            ("model", "week_on", "value", "low", "high", "rows", "out_of_bounds", "known_by"),
            ("model", "week", "forecast", "seen, low", "seen, high", "forecasts", "out of bounds", "clock"),
        ),
        MODELS,
    )  # fmt: skip


def _burden(rows: list[Row]) -> Figure:
    shown = _latest(rows)
    drawn = []
    for model, clock in sorted({(row["model"], row["known_by"]) for row in rows}):
        mine = [row for row in _in_order(rows) if (row["model"], row["known_by"]) == (model, clock)]
        points = [(_day(row), row["value"] * _PERCENT) for row in mine]
        beyond = [point for point, row in zip(points, mine, strict=True) if row["out_of_bounds"]]
        drawn.append(Line(f"{model}, by the {clock}'s clock", points, beyond))
    days = sorted({_day(row) for row in rows})
    labels = [(day, date.fromordinal(day).strftime("%b %Y")) for day in days[:: max(1, len(days) // 5 + 1)]]
    return Figure(
        "Alerts by week",
        "How many of a hundred patients (onset), hours (sepsis) or discharges (readmission) were flagged; a diamond marks a "
        "week with too many.",
        lines(drawn, labels, "flagged of a hundred"),
        rows_table(
            shown,
            ("model", "week_on", "value", "high", "rows", "out_of_bounds", "known_by"),
            ("model", "week", "share flagged", "bound", "forecasts", "out of bounds", "clock"),
        ),
        MODELS,
    )


def _day(row: Row) -> int:
    day: date = row["week_on"]
    return day.toordinal()


def _in_order(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row["week_on"], row["model"], row["known_by"]))


def _latest(rows: Iterable[Row]) -> list[Row]:
    return _in_order(rows)[-SHOWN:]
