"""Disease surveillance: counts by condition, day and place, and flags where a count is aberrant.

In words. A case is a current condition that is neither refuted nor entered in error, on the UTC day of its
diagnosis (recorded, else onset); a patient counts once per condition, day and place. The place is the city and
state of the patient's first address; `all` stands for the tenant as a whole. Flags: over the days up to the
tenant's newest day of diagnosis, at most two years back, the daily series of each condition and place with days
without a case as zero, and as many days before as the longest baseline needs, none of them before the tenant's
first diagnosis, through EARS C1 to C3 and a CUSUM (`spark.measures.surveillance`). A row stands for every day with
a case or an alarm; the quiet days are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final

from pyspark.sql import DataFrame

from spark.gold.frames import living_records, true_conditions
from spark.gold.table import TENANT, UNKNOWN, Frames, GoldTable, confidential, declare, internal
from spark.gold.words import F
from spark.measures.surveillance import CUSUM_BASELINE_DAYS, GUARD_DAYS, aberrations
from spark.schemas.struct import struct_of
from spark.transforms.arrow import map_rows

EVERYWHERE: Final = "all"
WATCHED_DAYS: Final = 730
_RUN_UP_DAYS: Final = CUSUM_BASELINE_DAYS + GUARD_DAYS
_AFTER_DAYS: Final = 2
"""So long after a case C3 may still alarm."""
_SERIES: Final = ["tenant", "condition_system", "condition_code", "place"]


def surveillance_counts(frames: Frames) -> DataFrame:
    """Cases by condition, day and place, and over all places."""
    home = living_records(frames["patients"]).select(
        "tenant", "patient_id", F.concat_ws(", ", "city", "state").alias("place")
    )
    cases = (
        true_conditions(frames["conditions"])
        .where(F.col("diagnosed_at").isNotNull())
        .select(
            *("tenant", "patient_id"),
            F.col("code_system").alias("condition_system"),
            F.col("code").alias("condition_code"),
            F.col("code_display").alias("condition_display"),
            F.to_date("diagnosed_at").alias("on"),
        )
        .join(home, ["tenant", "patient_id"], "left")
    )
    place = F.coalesce(F.nullif("place", F.lit("")), F.lit(UNKNOWN))
    placed = cases.withColumn("place", F.explode(F.array(place, F.lit(EVERYWHERE))))
    return placed.groupBy(*_SERIES, "on").agg(
        F.min("condition_display").alias("condition_display"), F.count_distinct("patient_id").alias("cases")
    )


def flag_rows(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The days with a case or an alarm of series that come one a row, each with its `days` and the last day `as_of`.

    Before `began_on` nobody reported: those days are not quiet, they are not known.
    """
    for row in rows:
        counts = {each["on"]: each["cases"] for each in row["days"]}
        watched_from = row["as_of"] - timedelta(days=WATCHED_DAYS)
        series = {name: row[name] for name in (*_SERIES, "condition_display")}
        for start, end in _stretches(sorted(counts)):
            first = max(row["began_on"], max(start, watched_from) - timedelta(days=_RUN_UP_DAYS))
            last = min(end + timedelta(days=_AFTER_DAYS), row["as_of"])
            days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
            for found in _days_of_note(series, days, [counts.get(day, 0) for day in days]):
                if found["on"] >= watched_from:
                    yield found


def _stretches(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """The first and the last case of each part of a series, cut where no baseline reaches back over the pause.

    A quiet day is no alarm unless C3 sums a case of the two days before it, and takes at least one from the CUSUM, which
    stands at its limit of four at most. So the days of a pause that long say nothing, of which most series consist.
    """
    start = days[0]
    for before, day in pairwise(days):
        if (day - before).days > _RUN_UP_DAYS + _AFTER_DAYS:
            yield start, before
            start = day
    yield start, days[-1]


def _days_of_note(series: dict[str, Any], days: list[date], counts: list[int]) -> Iterator[dict[str, Any]]:
    for on, day in zip(days, aberrations(counts), strict=True):
        if not (day.count or day.c1_alarm or day.c2_alarm or day.c3_alarm or day.cusum_alarm):
            continue
        alarms = {
            "c1_alarm": day.c1_alarm,
            "c2_alarm": day.c2_alarm,
            "c3_alarm": day.c3_alarm,
            "cusum_alarm": day.cusum_alarm,
        }
        values = {"cases": day.count, "c1": day.c1, "c2": day.c2, "c3": day.c3, "cusum": day.cusum}
        yield series | {"on": on} | values | alarms


def surveillance_flags(frames: Frames) -> DataFrame:
    """The flags of every series that had a case in the watched days."""
    counts = frames["surveillance_counts"]
    newest = counts.groupBy("tenant").agg(F.max("on").alias("as_of"), F.min("on").alias("began_on"))
    recent = counts.join(newest, ["tenant"]).where(
        F.col("on") >= F.date_sub("as_of", WATCHED_DAYS + _RUN_UP_DAYS)
    )
    series = recent.groupBy(*_SERIES, "as_of", "began_on").agg(
        F.min("condition_display").alias("condition_display"),
        F.collect_list(F.struct("on", "cases")).alias("days"),
    )
    return map_rows(series, flag_rows, struct_of(FLAGS))


_COLUMNS: Final = (
    TENANT,
    confidential("condition_system", "STRING", "The code system of the condition"),
    confidential("condition_code", "STRING", "The code of the condition"),
    confidential("condition_display", "STRING", "The condition in words"),
    confidential("place", "STRING", "City and state of the patients, or `all`"),
    confidential("on", "DATE", "The day of diagnosis, UTC"),
    confidential("cases", "BIGINT", "Patients diagnosed on the day"),
)
_KEY: Final = ("tenant", "condition_system", "condition_code", "place", "on")
FLAGS: Final = declare(
    "surveillance_flags",
    "Days with a case or an alarm, with EARS C1 to C3 and CUSUM",
    _KEY,
    *_COLUMNS,
    internal("c1", "DOUBLE", "EARS C1, in standard deviations"),
    internal("c2", "DOUBLE", "EARS C2, in standard deviations"),
    internal("c3", "DOUBLE", "EARS C3"),
    internal("cusum", "DOUBLE", "The cumulated sum, in standard deviations"),
    internal("c1_alarm", "BOOLEAN", "C1 above 3"),
    internal("c2_alarm", "BOOLEAN", "C2 above 3"),
    internal("c3_alarm", "BOOLEAN", "C3 above 2"),
    internal("cusum_alarm", "BOOLEAN", "The cumulated sum above 4"),
)
SURVEILLANCE: Final = (
    GoldTable(
        declare("surveillance_counts", "Cases by condition, day and place", _KEY, *_COLUMNS),
        ("patients", "conditions"),
        surveillance_counts,
        unit="condition_code",
        through="patient_id",
        revision=2,
    ),
    GoldTable(FLAGS, ("surveillance_counts",), surveillance_flags, revision=2),
)
