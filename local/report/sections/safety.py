"""Drug safety: what is reported together, and overdoses by month."""

from __future__ import annotations

from local.report.charts import ORANGE, Bar, Line, bars, lines, number, table
from local.report.figures import SHOWN, Figure, largest, rows_table
from local.report.tables import Gold


def safety(gold: Gold) -> list[Figure]:
    """Disproportionality, overdose trend and the reactions reported most."""
    signals = largest((row for row in gold.rows("safety_signals") if row["a"] >= 2), "a")
    drawn = [Bar(f"{row['drug_key']} · {row['reaction_key']}", row["ror_low"]) for row in signals]
    trend = sorted(gold.rows("overdose_trend"), key=lambda row: row["month"])
    counts = {row["month"].year * 12 + row["month"].month - 1: row for row in trend}
    months = range(min(counts), max(counts) + 1) if counts else range(0)
    labels = [(month, f"{month // 12}-{month % 12 + 1:02}") for month in months[:: max(1, len(months) // 6)]]
    names = ("drug", "reaction", "reports", "PRR", "χ²", "ROR", "95 % interval", "signal")
    figures = [
        (
            *(row[column] for column in ("drug_key", "reaction_key", "a", "prr", "chi_square", "ror")),
            f"{number(row['ror_low'])}–{number(row['ror_high'])}",
            row["is_anomaly"],
        )
        for row in signals
    ]
    return [
        Figure(
            "Drugs and reactions reported together more often than apart",
            "The lower bound of the reporting odds ratio's 95 % interval, of pairs with two reports or more; a signal needs "
            "three. It is a question for a reviewer, not a risk.",
            bars(drawn, "reporting odds ratio, lower bound", ORANGE),
            table(names, figures),
            "safety_signals",
        ),
        Figure(
            "Reports of overdose",
            "Reports by month of transmission, and those with a reaction whose term says overdose.",
            lines(
                [
                    Line(label, [(month, counts[month][name] if month in counts else 0) for month in months])
                    for label, name in (("all reports", "reports"), ("overdose", "overdoses"))
                ],
                labels,
                "reports a month",
            ),
            rows_table(trend[-SHOWN:], ("month", "reports", "overdoses"), ("month", "reports", "overdose")),
            "overdose_trend",
        ),
    ]
