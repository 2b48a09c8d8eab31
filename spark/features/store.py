"""The tables of the feature store: a row a patient and instant, their columns the features' declarations.

Rows at discharges have a table of their own: they are of no instant that a run asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from pyspark.sql import DataFrame
from pyspark.sql.types import BooleanType, DoubleType, LongType, StringType, StructField, StructType

from shared.domain.features.patient.dates import dated
from shared.domain.features.patient.facts import Fact, fact_of_row
from shared.domain.features.patient.features import DEFINITION, FEATURES, vector
from shared.domain.features.patient.known import Clock, Known, known
from shared.names import TABLES
from spark.schemas.columns import Classification, Column, Derived

_C: Final = Classification
STORE: Final = Derived(
    "patient_feature_store",
    TABLES["features_patients"],
    "Features of each patient as known at an instant; docs/features.md has unit, meaning and source of each",
    ("tenant", "patient_id", "as_of", "known_by"),
    (
        Column("tenant", "STRING", "Whose data it is", _C.INTERNAL),
        Column("patient_id", "STRING", "The id of the Patient", _C.HIGHLY_CONFIDENTIAL),
        Column("as_of", "TIMESTAMP", "The instant that the features are of, in UTC", _C.INTERNAL),
        Column("known_by", "STRING", "The clock that tells what was known: platform or source", _C.INTERNAL),
        Column("definition", "BIGINT", "The revision of the features' definitions", _C.INTERNAL),
        *(
            Column(each.name, "DOUBLE", f"{each.meaning} ({each.unit}); {each.missing}")
            for each in FEATURES
        ),
        Column("deceased", "BOOLEAN", "Whether a death was known"),
        Column("events", "BIGINT", "How many events were known and counted"),
        Column("not_counted", "ARRAY<STRUCT<reason: STRING, facts: BIGINT>>", "Known facts that did not count, by reason"),
        Column(
            "dated",
            "ARRAY<STRUCT<feature: STRING, measured: TIMESTAMP, resource: STRING>>",
            "Of each feature that rests on something the newest event that it looks at: its instant, in UTC, and the "
            "version that says so; null in rows made before they were kept",
        ),
    ),
)  # fmt: skip
AT_DISCHARGES: Final = replace(
    STORE,
    name="patient_feature_store_at_discharges",
    path=TABLES["features_at_discharges"],
    comment="Features of each patient as known at the end of each acute inpatient stay, by the source's clock",
)
_FLAT: Final = StructType([
    *(StructField(name, StringType()) for name in ("tenant", "patient_id", "as_of")),
    *(StructField(each.name, DoubleType()) for each in FEATURES),
    StructField("deceased", BooleanType()),
    StructField("events", LongType()),
    StructField("reasons", StringType()),
    StructField("dates", StringType()),
])  # fmt: skip
_NOT_COUNTED: Final = (
    "transform(filter(split(reasons, ','), each -> each <> ''), each -> named_struct("
    "'reason', split(each, '=')[0], 'facts', CAST(split(each, '=')[1] AS BIGINT)))"
)
_DATED: Final = (
    "transform(filter(split(dates, ','), each -> each <> ''), each -> named_struct("
    "'feature', split(each, '=')[0], 'measured', CAST(split(each, '=')[1] AS TIMESTAMP), 'resource', split(each, '=')[2]))"
)

Instants = Callable[[Sequence[Fact]], Sequence[datetime]]
"""The instants that a patient's rows are of, told by the patient's facts."""


def at(as_of: datetime) -> Instants:
    """The same instant for every patient."""
    return lambda _: [as_of]


def feature_rows(facts: DataFrame, instants: Instants, by: Clock) -> DataFrame:
    """The store's rows of every patient among the facts, at each instant at which the patient was known."""

    def of_patient(group: Any) -> Any:
        import pandas as pd  # type: ignore[import-untyped,unused-ignore]

        rows = [_nulls(row) for row in group.to_dict("records")]
        return pd.DataFrame(rows_of_patient(rows, instants, by), columns=_FLAT.names)

    computed = facts.groupBy("tenant", "patient_id").applyInPandas(of_patient, _FLAT)
    return computed.selectExpr(
        "tenant", "patient_id", "CAST(as_of AS TIMESTAMP) AS as_of", f"'{by}' AS known_by",
        f"CAST({DEFINITION} AS BIGINT) AS definition",
        # pandas has NaN where a number is missing; a reader of tables expects null.
        *(f"nanvl({each.name}, NULL) AS {each.name}" for each in FEATURES),
        "deceased", "events", f"{_NOT_COUNTED} AS not_counted", f"{_DATED} AS dated",
    )  # fmt: skip


def rows_of_patient(rows: list[dict[str, Any]], instants: Instants, by: Clock) -> list[dict[str, Any]]:
    """One row an instant, none where no Patient was known at it: the facts of one group in any order."""
    facts = [fact_of_row(row) for row in rows]
    versions = {f"{row['type']}/{row['id'].partition('#')[0]}": row["version"] for row in rows}
    seen = ((as_of, known(facts, as_of, by)) for as_of in instants(facts))
    return [_row(rows[0], as_of, found, versions) for as_of, found in seen if found is not None]


def _row(whose: dict[str, Any], as_of: datetime, found: Known, versions: Mapping[str, str]) -> dict[str, Any]:
    values = vector(found)
    dates = (f"{name}={at.isoformat()}={source}" for name, at, source in dated(values, found, versions))
    return {
        "tenant": whose["tenant"], "patient_id": whose["patient_id"], "as_of": as_of.isoformat(), **values,
        "deceased": found.died is not None, "events": len(found.events),
        "reasons": ",".join(f"{reason}={count}" for reason, count in found.not_counted), "dates": ",".join(dates),
    }  # fmt: skip


def _nulls(row: dict[str, Any]) -> dict[str, Any]:
    """pandas has NaN where a text is missing, too."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()
    }
