"""A few new rows of silver to clinical events and rows of patients: read from the files and written without Spark.

What changed is found as gold finds it: by the bronze batch of rows and by what the same events said before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import pyarrow.compute as pc
from deltalake import DeltaTable

from spark.jobs.changed_units import Since, units_in_files
from spark.jobs.commits import TableLog, newest_change, readable_from
from spark.jobs.context import RunContext
from spark.jobs.folder_tables import (
    Change,
    SparkMerges,
    commit,
    count_of,
    found_folder,
    keys_of,
    one_of,
    open_folder,
    rows_of,
)
from spark.jobs.report import TableReport
from spark.jobs.tables import CHANGE_FEED, Progress, progress_of, taken
from spark.plain.clinical_events import columns_read, event_of
from spark.plain.patient_360 import Patient, patient_360_rows
from spark.schemas.columns import Derived, Table
from spark.schemas.derived import CLINICAL_EVENTS, PATIENT_360
from spark.schemas.silver import BY_NAME, PATIENTS
from spark.transforms.clinical_events import SOURCES
from spark.transforms.expand_lines import Row
from spark.transforms.patient_360 import INPUTS

_MOST_PATIENTS = 500
_KEY = ("tenant", "type", "id")


def events_few(context: RunContext, bronze_id: str, last: int) -> TableReport | None:
    """Brings the clinical events up to batch `last`; None where Spark is to do it."""
    started = time.monotonic()
    log = TableLog(context.spark, context.lake.uri(CLINICAL_EVENTS.path))
    done = progress_of(log, bronze_id) if log.exists else 0
    if log.exists and not done:
        return None
    tables = [(table, found_folder(context, table.path)) for table in (BY_NAME[name] for name in SOURCES)]
    there = [(table, folder) for table, folder in tables if folder is not None and last > done]
    is_new = pc.field("batch") > done
    if sum(count_of(folder, is_new) for _, folder in there) > context.few:
        return None
    rows = [
        event_of(row, table.name, table.type)
        for table, folder in there
        for row in rows_of(folder, columns_read(table.name), is_new).to_pylist()
    ]
    target, notes = open_folder(context, CLINICAL_EVENTS, CHANGE_FEED)

    def decide(found: DeltaTable) -> Change:
        columns = (*_KEY, "source_version")
        known = keys_of(rows_of(found, columns, one_of("id", (row["id"] for row in rows))), columns)
        now = {each[:-1]: each[-1] for each in known}
        # The same version again too: silver may hold another content of it where two conflict.
        fresh = [row for row in rows if row["source_version"] >= now.get(_key(row), "")]
        return Change(fresh, {_key(row) for row in fresh} & now.keys())

    context.on_phase("merge clinical events")
    try:
        written = (
            commit(target, CLINICAL_EVENTS, decide, taken(Progress(bronze_id, last))) if last > done else 0
        )
    except SparkMerges:
        return None
    return _report(CLINICAL_EVENTS, written, target, started, notes)


def patients_few(context: RunContext, bronze_id: str, last: int) -> TableReport | None:
    """Does the patients anew whom events or their own record name as changed; None where Spark is to do it."""
    started = time.monotonic()
    events = TableLog(context.spark, context.lake.uri(CLINICAL_EVENTS.path))
    mine = TableLog(context.spark, context.lake.uri(PATIENT_360.path))
    commits = events.recent()
    version = newest_change(commits)
    seen, done = (progress_of(mine, events.id), progress_of(mine, bronze_id)) if mine.exists else (0, 0)
    if mine.exists and (not done or version > seen < readable_from(commits, time.time())):
        return None
    if mine.exists and version <= seen and last <= done:
        target, notes = open_folder(context, PATIENT_360)
        return _report(PATIENT_360, 0, target, started, notes)
    touched = _touched(context, (seen, version) if mine.exists else None, (done, last))
    if touched is None or len(touched) > _MOST_PATIENTS:
        return None
    target, notes = open_folder(context, PATIENT_360)
    rows = patient_360_rows({name: list(_current(context, BY_NAME[name], touched)) for name in INPUTS})

    def decide(found: DeltaTable) -> Change:
        there = rows_of(found, PATIENT_360.key, one_of("patient_id", (each[1] for each in touched)))
        return Change(rows, touched & set(keys_of(there, PATIENT_360.key)))

    said = taken(Progress(events.id, version), Progress(bronze_id, last))
    context.on_phase("merge patient 360")
    try:
        written = commit(target, PATIENT_360, decide, said)
    except SparkMerges:
        return None
    return _report(PATIENT_360, written, target, started, notes)


def _touched(
    context: RunContext, versions: tuple[int, int] | None, batches: tuple[int, int]
) -> frozenset[Patient] | None:
    """The patients of events written since, before and after the change, and patients whose own record is new.

    Without `versions` nothing was done before, and the patients on record are all there are.
    """
    seen, version = versions or (0, 0)
    found: frozenset[Patient] = frozenset()
    if version > seen:
        uri = context.lake.uri(CLINICAL_EVENTS.path)
        changed = units_in_files(Since(uri, seen, batches[0], version, context.few), "patient_id")
        if changed is None:
            return None
        found = changed
    if (patients := found_folder(context, PATIENTS.path)) is not None:
        own = (pc.field("batch") > batches[0]) & (pc.field("batch") <= batches[1])
        found |= frozenset(keys_of(rows_of(patients, ("tenant", "id"), own), ("tenant", "id")))
    return found


def _current(context: RunContext, table: Table, touched: frozenset[Patient]) -> Iterator[Row]:
    """The rows of the patients that are not deleted."""
    column = "id" if table is PATIENTS else "patient_id"
    folder = found_folder(context, table.path)
    if folder is None:
        return
    where = one_of(column, (each[1] for each in touched)) & ~pc.field("deleted")
    names = {field.name for field in folder.schema().fields}
    for row in rows_of(folder, None, where).to_pylist():
        if (row["tenant"], row[column]) in touched:
            yield {each.name: None for each in table.columns if each.name not in names} | row


def _key(row: Row) -> tuple[str, str, str]:
    return row["tenant"], row["type"], row["id"]


def _report(
    table: Derived, written: int, target: DeltaTable, started: float, notes: Sequence[str]
) -> TableReport:
    return TableReport(table.path, written, target.count(), time.monotonic() - started, tuple(notes))
