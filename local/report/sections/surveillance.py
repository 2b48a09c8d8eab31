"""Disease surveillance: diagnoses by week with the weeks of an alarm."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from local.report.charts import Line, lines
from local.report.figures import SHOWN, Figure, rows_table
from local.report.tables import Gold


def surveillance(gold: Gold) -> list[Figure]:
    """The commonest watched conditions by week, and the latest alarms."""
    rows = [row for row in gold.rows("surveillance_flags") if row["place"] == "all" and row["cases"]]
    total: dict[str, int] = defaultdict(int)
    weekly: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    alarmed: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        name, week = row["condition_display"], row["on"].toordinal() // 7
        total[name] += row["cases"]
        weekly[name][week] += row["cases"]
        if row["c2_alarm"] or row["cusum_alarm"]:
            alarmed[name].add(week)
    chosen = sorted(total, key=lambda name: (-total[name], name))[:3]
    weeks = sorted({week for name in chosen for week in weekly[name]})
    span = range(weeks[0], weeks[-1] + 1) if weeks else range(0)
    drawn = [
        Line(
            name,
            [(week, weekly[name][week]) for week in span],
            [(week, weekly[name][week]) for week in sorted(alarmed[name])],
        )
        for name in chosen
    ]
    labels = [
        (week, date.fromordinal(week * 7 + 1).strftime("%b %Y")) for week in span[:: max(1, len(span) // 6)]
    ]
    alarms = sorted(
        (row for row in rows if row["c1_alarm"] or row["c2_alarm"] or row["c3_alarm"] or row["cusum_alarm"]),
        key=lambda row: (row["on"], row["condition_code"]),
        reverse=True,
    )[:SHOWN]
    columns = ("on", "condition_display", "cases", "c1_alarm", "c2_alarm", "c3_alarm", "cusum_alarm")
    return [
        Figure(
            "Diagnoses by week",
            "The three commonest conditions of the watched two years, all places together; a diamond marks a week with a "
            "C2 or CUSUM alarm. The table has the latest alarms of every method.",
            lines(drawn, labels, "patients diagnosed a week"),
            rows_table(alarms, columns, ("day", "condition", "cases", "C1", "C2", "C3", "CUSUM")),
            "surveillance_flags",
        )
    ]
