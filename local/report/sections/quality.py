"""Quality of care: readmission, adherence and stay, by condition over all organisations and months."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from local.report.charts import ORANGE, Bar, bars, table
from local.report.figures import FEWEST, SHOWN, Figure
from local.report.tables import Gold

_NAMES: Final = {"none": "no condition on record"}


_Cells = list[tuple[str, list[float]]]
_RATES: Final = {
    "readmission": (
        "Readmitted within 30 days",
        "Unplanned, for whatever cause, of inpatient episodes; by the reason of the stay.",
    ),
    "adherence": (
        "Adherent to a medication",
        "At least 80 % of the days of a year covered, of two fills or more.",
    ),
}


def quality(gold: Gold) -> list[Figure]:
    """Readmission, adherence and stay, by condition over all organisations and months."""
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0, 0, 0.0])
    for row in gold.rows("quality_measures"):
        cell = sums[row["measure"], _NAMES.get(row["condition_code"], str(row["condition_display"]))]
        for place, name in enumerate(("denominator", "numerator", "excluded")):
            cell[place] += row[name]
        cell[3] += (row["mean_value"] or 0) * row["denominator"]
    rates = [_rate(title, words, _cells(sums, measure)) for measure, (title, words) in _RATES.items()]
    return [*rates, _stay(_cells(sums, "stay"))]


def _rate(title: str, words: str, cells: _Cells) -> Figure:
    from spark.measures.intervals import wilson

    rated = []
    for name, (total, events, _, _) in cells:
        low, high = wilson(events, total)
        rated.append(Bar(name, 100 * events / total, 100 * max(low, 0), 100 * min(high, 1)))
    rows = [(name, int(total), int(events), int(out)) for name, (total, events, out, _) in cells]
    return Figure(
        title,
        f"{words} Whiskers are Wilson 95 % intervals.",
        bars(rated, "%", ORANGE),
        table(("condition", "denominator", "numerator", "excluded"), rows),
        "quality_measures",
    )


def _stay(cells: _Cells) -> Figure:
    return Figure(
        "Average stay",
        "Days from admission to discharge of inpatient encounters, by the reason.",
        bars([Bar(name, total / count) for name, (count, _, _, total) in cells], "days"),
        table(
            ("condition", "stays", "mean days", "excluded"),
            [(name, int(count), total / count, int(out)) for name, (count, _, out, total) in cells],
        ),
        "quality_measures",
    )


def _cells(sums: dict[tuple[str, str], list[float]], measure: str) -> _Cells:
    mine = [(name, cell) for (which, name), cell in sums.items() if which == measure and cell[0] >= FEWEST]
    return sorted(mine, key=lambda each: (-each[1][0], each[0]))[:SHOWN]
