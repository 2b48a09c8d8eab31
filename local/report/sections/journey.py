"""Patient journeys: from diagnosis to treatment and to resolution, by condition."""

from __future__ import annotations

from local.report.charts import GREEN, Bar, bars
from local.report.figures import FEWEST, Figure, largest, rows_table
from local.report.tables import Gold


def journey(gold: Gold) -> list[Figure]:
    """Days to treatment and to resolution by condition."""
    rows = [row for row in gold.rows("journey_by_condition") if row["patients"] >= FEWEST]
    treated = largest((row for row in rows if row["treated"]), "treated")
    resolved = largest((row for row in rows if row["resolved"] >= FEWEST), "resolved")
    share = [
        Bar(
            row["condition_display"],
            100 * row["treated_share"],
            100 * row["treated_low"],
            100 * row["treated_high"],
        )
        for row in treated
    ]
    columns = (
        "condition_display",
        "patients",
        "treated",
        "median_days_to_medication",
        "usual_first_medication",
    )
    return [
        Figure(
            "Treated with a medication",
            "Of the patients with a condition, those with a medication request that names it as its reason; whiskers are "
            "Wilson 95 % intervals.",
            bars(share, "% of patients with the condition"),
            rows_table(
                treated,
                columns,
                ("condition", "patients", "treated", "median days to it", "usual first medication"),
            ),
            "journey_by_condition",
        ),
        Figure(
            "From diagnosis to resolution",
            "Median days until the last record of the condition has an abatement, of those resolved.",
            bars(
                [Bar(row["condition_display"], row["median_days_to_resolution"]) for row in resolved],
                "days",
                GREEN,
            ),
            rows_table(
                resolved,
                (
                    "condition_display",
                    "patients",
                    "resolved",
                    "median_days_to_resolution",
                    "mean_days_to_resolution",
                ),
                ("condition", "patients", "resolved", "median days", "mean days"),
            ),
            "journey_by_condition",
        ),
    ]
