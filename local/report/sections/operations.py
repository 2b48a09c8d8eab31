"""Operations: encounters by year and class, and what was claimed for them."""

from __future__ import annotations

from collections import defaultdict

from local.report.charts import GREEN, Bar, Line, bars, lines, table
from local.report.figures import Figure
from local.report.tables import Gold


def operations(gold: Gold) -> list[Figure]:
    """Encounters by year and class, and what they cost."""
    years: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for row in gold.rows("operations_daily"):
        years[row["class_code"]][row["on"].year] += row["admissions"]
    seen = sorted({year for each in years.values() for year in each})[-20:]
    commonest = sorted(years, key=lambda name: (-sum(years[name].values()), name))[:3]
    drawn = [Line(name, [(year, years[name][year]) for year in seen]) for name in commonest]
    costs = gold.rows("cost_by_class")
    by_class: dict[str, list[float]] = defaultdict(lambda: [0, 0.0])
    for row in costs:
        by_class[f"{row['class_code']} ({row['currency']})"][0] += row["encounters"]
        by_class[f"{row['class_code']} ({row['currency']})"][1] += row["claimed"]
    spent = sorted(by_class.items())
    return [
        Figure(
            "Encounters by class",
            "AMB: ambulatory, EMER: emergency, IMP: inpatient. By the day they began, all organisations; the last "
            "year ends with the data.",
            lines(
                drawn, [(year, str(year)) for year in seen[:: max(1, len(seen) // 7)]], "encounters a year"
            ),
            table(
                ("year", *(line.label for line in drawn)),
                [(str(y), *(years[n.label][y] for n in drawn)) for y in seen],
            ),
            "operations_daily",
        ),
        Figure(
            "Claimed for an encounter",
            "The mean of the claims that name the encounter first.",
            bars(
                [Bar(name, total / count) for name, (count, total) in spent],
                "currency units an encounter",
                GREEN,
            ),
            table(
                ("class", "encounters", "claimed in all", "mean"),
                [(name, int(count), total, total / count) for name, (count, total) in spent],
            ),
            "cost_by_class",
        ),
    ]
