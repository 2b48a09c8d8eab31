"""Demographics: what is common among the living, by age group, and means."""

from __future__ import annotations

from typing import Final

from local.report.charts import GREEN, Bar, bars
from local.report.figures import Figure, largest, rows_table
from local.report.tables import Gold

_AGES: Final = ("0-14", "15-24", "25-44", "45-64", "65-74", "75+")


def demographics(gold: Gold) -> list[Figure]:
    """Prevalence and means among the living."""
    prevalence = [row for row in gold.rows("prevalence") if not row["suppressed"] and row["cases"]]
    everyone = largest((row for row in prevalence if row["dimension"] == "all"), "cases")
    shares = [
        Bar(row["condition_display"], 100 * row["rate"], 100 * row["low"], 100 * row["high"])
        for row in everyone
    ]
    means = [
        row for row in gold.rows("group_means") if row["dimension"] == "age_group" and not row["suppressed"]
    ]
    index = sorted(
        (row for row in means if row["measured_code"] == "39156-5" and row["stratum"] in _AGES),
        key=lambda row: _AGES.index(row["stratum"]),
    )
    top = sorted(gold.rows("top_conditions"), key=lambda row: (row["age_group"], row["rank"]))
    return [
        Figure(
            "Prevalence",
            "Living patients with an active record of the condition; whiskers are Wilson 95 % intervals. Cells of 1 to 4 "
            "people are hidden.",
            bars(shares, "% of living patients"),
            rows_table(
                everyone, ("condition_display", "people", "cases"), ("condition", "people", "with it")
            ),
            "prevalence",
        ),
        Figure(
            "Body mass index by age group",
            "The mean of each patient's newest value.",
            bars([Bar(row["stratum"], row["mean"]) for row in index], "kg/m²", GREEN),
            rows_table(
                sorted(means, key=lambda row: (row["measured"], row["stratum"])),
                ("measured", "stratum", "people", "mean", "deviation", "unit"),
                ("measured", "age group", "people", "mean", "deviation", "unit"),
            ),
            "group_means",
        ),
        Figure(
            "The commonest conditions of each age group",
            "Up to five, of those that may be shown.",
            "",
            rows_table(
                top,
                ("age_group", "rank", "condition_display", "cases", "people"),
                ("age", "rank", "condition", "cases", "of"),
            ),
            "top_conditions",
        ),
    ]
