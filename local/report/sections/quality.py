"""Quality of care: readmission, adherence and stay, by condition over all organisations and months."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from local.report.charts import ORANGE, Bar, bars, table
from local.report.figures import FEWEST, SHOWN, Figure
from local.report.tables import Gold

_NAMES: Final = {"none": "no condition on record"}


def quality(gold: Gold) -> list[Figure]:
    """Readmission, adherence and stay, by condition over all organisations and months."""
    from spark.measures.intervals import wilson

    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0, 0, 0.0])
    for row in gold.rows("quality_measures"):
        cell = sums[row["measure"], _NAMES.get(row["condition_code"], str(row["condition_display"]))]
        for place, name in enumerate(("denominator", "numerator", "excluded")):
            cell[place] += row[name]
        cell[3] += (row["mean_value"] or 0) * row["denominator"]
    found = []
    for measure, title, words in (
        (
            "readmission",
            "Readmitted within 30 days",
            "Unplanned, for whatever cause, of inpatient episodes; by the reason of the stay.",
        ),
        (
            "adherence",
            "Adherent to a medication",
            "At least 80 % of the days of a year covered, of two fills or more.",
        ),
    ):
        cells = _cells(sums, measure)
        rated = []
        for name, (total, events, _, _) in cells:
            low, high = wilson(events, total)
            rated.append(Bar(name, 100 * events / total, 100 * max(low, 0), 100 * min(high, 1)))
        rows = [(name, int(total), int(events), int(out)) for name, (total, events, out, _) in cells]
        figures = table(("condition", "denominator", "numerator", "excluded"), rows)
        found.append(
            Figure(
                title,
                f"{words} Whiskers are Wilson 95 % intervals.",
                bars(rated, "%", ORANGE),
                figures,
                "quality_measures",
            )
        )
    stays = _cells(sums, "stay")
    found.append(
        Figure(
            "Average stay",
            "Days from admission to discharge of inpatient encounters, by the reason.",
            bars([Bar(name, total / count) for name, (count, _, _, total) in stays], "days"),
            table(
                ("condition", "stays", "mean days", "excluded"),
                [(name, int(count), total / count, int(out)) for name, (count, _, out, total) in stays],
            ),
            "quality_measures",
        )
    )
    return found


def _cells(sums: dict[tuple[str, str], list[float]], measure: str) -> list[tuple[str, list[float]]]:
    mine = [(name, cell) for (which, name), cell in sums.items() if which == measure and cell[0] >= FEWEST]
    return sorted(mine, key=lambda each: (-each[1][0], each[0]))[:SHOWN]
