"""PatientAdverseEventReport: one row per report × reaction × drug, of the newest message about each report.

In words: openFDA drug adverse event reports as they were sent, flattened; `spark.measures.adverse_events` says what
each column means. Of several messages with one safetyreportid the highest safetyreportversion counts, then the latest
receiptdate, then the latest arrival, as FDA advises for FAERS (https://open.fda.gov/apis/drug/event/). The same drug
or reaction named twice in a report gives two rows here and counts once in every measure. `adverse_event_lines` has
the same rows with the tenant and with the names as measures compare them: upper case, blanks single, a trailing full
stop and FAERS's `/00123401/` dropped. Drugs are not mapped to substances: brands stay apart.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pyspark.sql import DataFrame

from shared.domain.fhir.json import decode_object
from shared.names import HUB_SAFETY_REPORTS, TABLES
from spark.gold.frames import first_by
from spark.gold.table import TENANT, UNKNOWN, Frames, GoldTable, confidential, declare, internal, sensitive
from spark.gold.words import F
from spark.measures.adverse_events import report_rows
from spark.schemas.columns import Derived
from spark.schemas.struct import struct_of
from spark.transforms.arrow import map_rows

BODIES: Final = "safety_report_lines"
"""The lines as they landed, of which the messages name theirs: a report stands in bronze once."""
REPORTS: Final = Derived(
    "safety_reports",
    TABLES["bronze_safety_reports"],
    "Every message that is an adverse event report, by the line it came in",
    ("tenant", "report_id", "raw_path", "sequence"),
    (
        TENANT,
        sensitive("report_id", "STRING", "The report's safetyreportid"),
        internal("report_version", "BIGINT", "Its safetyreportversion, 0 where not given"),
        internal("received", "STRING", "Its receiptdate, as written"),
        internal("raw_path", "STRING", "The raw file the message came in"),
        internal("sequence", "BIGINT", "The line's number in its stream or file"),
        internal("landed_at", "TIMESTAMP", "When the raw line was landed"),
        internal("batch", "BIGINT", "The run that took the raw file in"),
    ),
)
_REPORT_COLUMNS: Final = (
    sensitive("safetyreportid", "STRING", "The report's number"),
    internal("transmissiondate_converted", "DATE", "When the report was sent"),
    confidential("patientonsetage", "INT", "Age at onset in completed years"),
    confidential("patientsex", "INT", "0 unknown, 1 male, 2 female"),
    confidential(
        "reaction.reactionmeddrapt", "STRING", "The reaction as a MedDRA preferred term, as written"
    ),
    confidential("drug_name", "STRING", "medicinalproduct, as written"),
    confidential("drug_characterization", "INT", "1 suspect, 2 concomitant, 3 interacting"),
    confidential("drug_indication", "STRING", "What the drug was taken for, as written"),
    confidential("is_overdose", "BOOLEAN", "Whether the reaction's term says overdose"),
)
_BLANKS: Final = re.compile(r"\s+", re.ASCII)
_FAERS_NUMBER: Final = re.compile(r"\s*/[0-9]{6,}/\s*$", re.ASCII)
_FULL_STOP: Final = re.compile(r"\s*\.\s*$", re.ASCII)
EXACT_COLUMNS: Final = tuple(column.name for column in _REPORT_COLUMNS)
LINES: Final = declare(
    "adverse_event_lines",
    "Adverse event reports, a row per report, reaction and drug, with the names as measures compare them",
    ("tenant", "report_id", "line"),
    TENANT,
    sensitive("report_id", "STRING", "The report's safetyreportid"),
    internal("line", "BIGINT", "The row's number within the report, from 0"),
    *_REPORT_COLUMNS,
    confidential("reaction_key", "STRING", "The reaction in upper case; `unknown` where none is named"),
    confidential("drug_key", "STRING", "The drug in upper case; `unknown` where none is named"),
)
EXACT: Final = Derived(
    "patient_adverse_event_report",
    TABLES["gold_patient_adverse_event_report"],
    "PatientAdverseEventReport: a row per report, reaction and drug",
    (),
    _REPORT_COLUMNS,
)


def text_of(line: dict[str, Any]) -> str:
    """What a line says; what is no UTF-8 in it is replaced. Raises binascii.Error for a body that is no base64."""
    body: str | None = line["body"]
    return base64.b64decode(line["body_b64"] or "").decode("utf-8", "replace") if body is None else body


def _flatten(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        shared = {"tenant": row["tenant"], "report_id": row["report_id"]}
        for number, line in enumerate(report_rows(decode_object(text_of(row)))):
            keys = {
                "reaction_key": _name_key(line["reaction.reactionmeddrapt"]),
                "drug_key": _name_key(line["drug_name"]),
            }
            yield {**shared, "line": number, **line, **keys}


def _name_key(name: str | None) -> str:
    """As measures compare names; blanks are those of ASCII."""
    if name is None:
        return UNKNOWN
    tidy = _FAERS_NUMBER.sub("", _BLANKS.sub(" ", name.upper()))
    return _FULL_STOP.sub("", tidy)


def adverse_event_lines(frames: Frames) -> DataFrame:
    """The lines of the newest message about each report."""
    newest = first_by(
        frames["safety_reports"],
        ["tenant", "report_id"],
        F.col("report_version").desc(),
        F.col("received").desc_nulls_last(),
        F.col("landed_at").desc_nulls_last(),
        F.col("raw_path").desc(),
        F.col("sequence").desc(),
    )
    place = ["tenant", "raw_path", "sequence"]
    bodies = frames[BODIES].select(*place, "body", "body_b64")
    told = newest.select(*place, "report_id").join(bodies, place).drop("raw_path", "sequence")
    return map_rows(told, _flatten, struct_of(LINES))


def hub_tenant(environment: Mapping[str, str]) -> str:
    """Whose hub `safety-reports` is, by the settings that the app reads."""
    named = json.loads(environment.get("GALEN_HUB_TENANTS") or "{}")
    return str(named.get(HUB_SAFETY_REPORTS, environment.get("GALEN_DEFAULT_TENANT", "default")))


def patient_adverse_event_report(frames: Frames) -> DataFrame:
    """The table with exactly the published columns: one tenant's, whose hub it is."""
    mine = frames["adverse_event_lines"].where(F.col("tenant") == hub_tenant(os.environ))
    return mine.select(*(f"`{name}`" for name in EXACT_COLUMNS))


TABLES_OF_REPORTS: Final = (
    GoldTable(LINES, ("safety_reports",), adverse_event_lines, unit="report_id", lookups=(BODIES,)),
    GoldTable(EXACT, ("adverse_event_lines",), patient_adverse_event_report),
)
