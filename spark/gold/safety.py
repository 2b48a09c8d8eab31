"""Measures of drug safety, each over distinct reports, so that a report counts once however often it names a thing.

Reactions by drug: reports that name the drug, in any role, and the reaction. Age groups per reaction: the same by the
patient's age at onset, `unknown` where it is not given. Overdose trend: by month of transmission, the reports with a
reaction whose term says overdose, their share of all reports of the month with its Wilson interval. Signals: for each
drug that a report suspects (characterization 1, or 3: interacting) and each reaction, PRR, ROR and chi-square as
`spark.measures.disproportionality` defines them; the anomaly flag wants both Evans's criteria and a ROR whose
interval lies above 1, from at least 3 reports.
"""

from __future__ import annotations

from typing import Final

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame

from spark.gold.frames import wilson_columns
from spark.gold.table import TENANT, UNKNOWN, Frames, GoldTable, confidential, declare
from spark.gold.words import F
from spark.measures import disproportionality as dis
from spark.transforms.age_groups import LOWER_BOUNDS_YEARS

SUSPECT: Final = (1, 3)
_LINES: Final = ("adverse_event_lines",)


def reactions_by_drug(frames: Frames) -> DataFrame:
    """Reports by drug and reaction, and how many of them suspect the drug."""
    return (
        frames["adverse_event_lines"]
        .groupBy("tenant", "drug_key", "reaction_key")
        .agg(
            F.count_distinct("report_id").alias("reports"),
            F.count_distinct(F.when(F.col("drug_characterization").isin(*SUSPECT), F.col("report_id"))).alias(
                "suspected_in"
            ),
            F.min("transmissiondate_converted").alias("first_on"),
            F.max("transmissiondate_converted").alias("last_on"),
        )
    )


def _age_group(years: SparkColumn) -> SparkColumn:
    group = F.lit(UNKNOWN)
    for lower, label in reversed(LOWER_BOUNDS_YEARS):
        group = F.when(years >= lower, F.lit(label)).otherwise(group)
    return group


def ages_per_reaction(frames: Frames) -> DataFrame:
    """Reports by reaction and age group, with the mean age in years."""
    reports = (
        frames["adverse_event_lines"]
        .select("tenant", "report_id", "reaction_key", "patientonsetage")
        .distinct()
    )
    return (
        reports.withColumn("age_group", _age_group(F.col("patientonsetage")))
        .groupBy("tenant", "reaction_key", "age_group")
        .agg(F.count("*").alias("reports"), F.avg("patientonsetage").alias("mean_age"))
    )


def overdose_trend(frames: Frames) -> DataFrame:
    """Reports and overdose reports by month of transmission; reports without a date are left out."""
    reports = (
        frames["adverse_event_lines"]
        .where(F.col("transmissiondate_converted").isNotNull())
        .groupBy("tenant", "report_id", F.trunc("transmissiondate_converted", "month").alias("month"))
        .agg(F.max("is_overdose").alias("overdose"))
    )
    counted = reports.groupBy("tenant", "month").agg(
        F.count("*").alias("reports"), F.count_if("overdose").alias("overdoses")
    )
    return counted.select("tenant", "month", "reports", "overdoses", *wilson_columns("overdoses", "reports"))


def signals(frames: Frames) -> DataFrame:
    """Disproportionality of every drug and reaction that a report names together, the drug as a suspect."""
    lines = frames["adverse_event_lines"]
    named = (
        lines.where(F.col("reaction_key") != UNKNOWN).select("tenant", "report_id", "reaction_key").distinct()
    )
    suspected = (
        lines.where(F.col("drug_characterization").isin(*SUSPECT) & (F.col("drug_key") != UNKNOWN))
        .select("tenant", "report_id", "drug_key")
        .distinct()
    )
    all_ = lines.groupBy("tenant").agg(F.count_distinct("report_id").alias("n"))
    by_drug = suspected.groupBy("tenant", "drug_key").agg(F.count("*").alias("of_drug"))
    by_reaction = named.groupBy("tenant", "reaction_key").agg(F.count("*").alias("of_reaction"))
    pairs = (
        suspected.join(named, ["tenant", "report_id"])
        .groupBy("tenant", "drug_key", "reaction_key")
        .agg(F.count("*").alias("a"))
    )
    cells = (
        pairs.join(by_drug, ["tenant", "drug_key"])
        .join(by_reaction, ["tenant", "reaction_key"])
        .join(all_, ["tenant"])
        .withColumn("b", F.col("of_drug") - F.col("a"))
        .withColumn("c", F.col("of_reaction") - F.col("a"))
        .withColumn("d", F.col("n") - F.col("of_drug") - F.col("of_reaction") + F.col("a"))
    )
    return _flagged(cells)


def _flagged(cells: DataFrame) -> DataFrame:
    counts = [F.col(name).cast("double") for name in "abcd"]
    added = F.when(F.least(*counts) == 0, dis.EMPTY_CELL).otherwise(0.0)
    full = [each + added for each in counts]
    a, b, c, d = counts
    distance = F.greatest(F.lit(0.0), F.abs(a * d - b * c) - (a + b + c + d) / 2)
    margins = dis.yates_denominator(*counts)
    chi = F.when(
        margins > 0, dis.yates_numerator(a, b, c, d, distance) / F.nullif(margins, F.lit(0.0))
    ).otherwise(0.0)
    prr_low, prr_high = dis.prr_bounds(*full)
    ror_low, ror_high = dis.ror_bounds(*full)
    found = cells.select(
        *("tenant", "drug_key", "reaction_key", "a", "b", "c", "d"),
        dis.proportional_reporting_ratio(*full).alias("prr"),
        prr_low.alias("prr_low"),
        prr_high.alias("prr_high"),
        dis.reporting_odds_ratio(*full).alias("ror"),
        ror_low.alias("ror_low"),
        ror_high.alias("ror_high"),
        chi.alias("chi_square"),
    )
    enough = F.col("a") >= dis.MIN_REPORTS
    evans = enough & (F.col("prr") >= dis.MIN_PRR) & (F.col("chi_square") >= dis.MIN_CHI_SQUARE)
    return found.withColumn("is_anomaly", evans & (F.col("ror_low") > dis.MIN_ROR_LOWER))


_DRUG: Final = confidential("drug_key", "STRING", "The drug's name in upper case")
_REACTION: Final = confidential("reaction_key", "STRING", "The reaction's term in upper case")
_REPORTS: Final = confidential("reports", "BIGINT", "Distinct reports")
SAFETY: Final = (
    GoldTable(
        declare(
            "reactions_by_drug",
            "Distinct reports by drug and reaction",
            ("tenant", "drug_key", "reaction_key"),
            *(TENANT, _DRUG, _REACTION, _REPORTS),
            confidential("suspected_in", "BIGINT", "Of these, the reports that suspect the drug"),
            confidential("first_on", "DATE", "The first transmission"),
            confidential("last_on", "DATE", "The last transmission"),
        ),
        _LINES,
        reactions_by_drug,
    ),
    GoldTable(
        declare(
            "ages_per_reaction",
            "Distinct reports by reaction and age group",
            ("tenant", "reaction_key", "age_group"),
            *(
                TENANT,
                _REACTION,
                confidential("age_group", "STRING", "Age at onset, `unknown` where not given"),
            ),
            *(_REPORTS, confidential("mean_age", "DOUBLE", "Mean age at onset in years")),
        ),
        _LINES,
        ages_per_reaction,
    ),
    GoldTable(
        declare(
            "overdose_trend",
            "Overdose reports by month of transmission",
            ("tenant", "month"),
            *(TENANT, confidential("month", "DATE", "The first day of the month"), _REPORTS),
            confidential("overdoses", "BIGINT", "Of these, reports with an overdose"),
            confidential("rate", "DOUBLE", "Their share"),
            confidential("low", "DOUBLE", "Lower bound of the share, Wilson 95 %"),
            confidential("high", "DOUBLE", "Upper bound of the share, Wilson 95 %"),
        ),
        _LINES,
        overdose_trend,
    ),
    GoldTable(
        declare(
            "safety_signals",
            "Disproportionality of suspected drugs and reactions",
            ("tenant", "drug_key", "reaction_key"),
            *(TENANT, _DRUG, _REACTION),
            confidential("a", "BIGINT", "Reports with drug and reaction"),
            confidential("b", "BIGINT", "Reports with the drug alone"),
            confidential("c", "BIGINT", "Reports with the reaction alone"),
            confidential("d", "BIGINT", "Reports with neither"),
            confidential("prr", "DOUBLE", "Proportional reporting ratio"),
            confidential("prr_low", "DOUBLE", "Its lower 95 % bound"),
            confidential("prr_high", "DOUBLE", "Its upper 95 % bound"),
            confidential("ror", "DOUBLE", "Reporting odds ratio"),
            confidential("ror_low", "DOUBLE", "Its lower 95 % bound"),
            confidential("ror_high", "DOUBLE", "Its upper 95 % bound"),
            confidential("chi_square", "DOUBLE", "With Yates's correction"),
            confidential("is_anomaly", "BOOLEAN", "A signal by Evans's criteria and by the ROR"),
        ),
        _LINES,
        signals,
    ),
)
