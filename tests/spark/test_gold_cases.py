"""Gold over a handful of rows, each case counted by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="not tested: gold, which needs the lake group")

HEARD_AT = datetime(2025, 6, 1, tzinfo=UTC)
FAR_AWAY = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
"""What senders write for an end that nobody knows yet."""


class Tables(Mapping[str, Any]):
    """Frames of the declared tables of rows that say only what matters."""

    def __init__(self, spark: Any) -> None:
        self._spark = spark
        self._rows: dict[str, list[dict[str, Any]]] = {}

    def add(self, name: str, **row: Any) -> None:
        shared = {"tenant": "t", "deleted": False, "last_updated": HEARD_AT, "batch": 1}
        self._rows.setdefault(name, []).append(shared | {"patient_id": "p1"} | row)

    def __getitem__(self, name: str) -> Any:
        from spark.jobs.gold_inputs import declaration
        from spark.schemas.struct import struct_of

        schema = struct_of(declaration(name))
        rows = [[row.get(field.name) for field in schema] for row in self._rows.get(name, ())]
        return self._spark.createDataFrame(rows, schema)

    def arrow(self, name: str) -> Any:
        """The same rows for a file."""
        from spark.jobs.folder_tables import as_arrow
        from spark.jobs.gold_inputs import declaration

        return as_arrow(declaration(name), self._rows.get(name, ()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class TablesInHand(Tables):
    """The same for measures that DuckDB makes."""

    def __getitem__(self, name: str) -> Any:
        from spark.jobs import gold_small
        from spark.jobs.gold_inputs import declaration

        return gold_small.frame_of(self._spark, self.arrow(name), declaration(name))


@pytest.fixture(params=["spark", "in hand"])
def tables(request: pytest.FixtureRequest) -> Iterator[Tables]:
    if request.param == "spark":
        yield Tables(request.getfixturevalue("spark"))
        return
    pytest.importorskip("pyspark", reason="not tested: gold, which is written in Spark's words")
    pytest.importorskip("duckdb", reason="not tested: gold in hand, which needs the lake group")
    from spark.gold.words import in_hand
    from spark.jobs.gold_small import connection

    with in_hand(), connection() as own:
        yield TablesInHand(own)


def _rows(frame: Any, columns: str) -> list[tuple[Any, ...]]:
    names = columns.split()
    return sorted(tuple(row[name] for name in names) for row in frame.collect())


def stay(tables: Tables, id_: str, start: datetime, end: datetime | None, **more: Any) -> None:
    row = {"class_code": "IMP", "status": "finished", "organization_id": "h1"} | more
    tables.add("encounters", id=id_, started_at=start, ended_at=end, started_text=start.isoformat(), **row)


def day(number: int, hour: int = 10, month: int = 1) -> datetime:
    return datetime(2025, month, number, hour, tzinfo=UTC)


def test_two_hidden_cells_of_one_person_each_take_a_third_one_with_them(tables: Tables) -> None:
    from spark.gold.demographics import prevalence

    cases = {"male": (6, 1), "female": (6, 1), "other": (12, 10)}
    for gender, (people, sick) in cases.items():
        for number in range(people):
            tables.add("patients", id=f"{gender}{number}", gender=gender)
            if number < sick:
                tables.add("conditions", id=f"c{gender}{number}", patient_id=f"{gender}{number}", code="x")
    # Not sick any more, although nobody wrote down since when.
    tables.add("conditions", id="over", patient_id="other11", code="x", clinical_status="resolved")
    found = [row for row in prevalence(tables).collect() if row["dimension"] in ("all", "gender")]
    assert sorted((row["stratum"], row["cases"], row["people"]) for row in found if row["cases"]) == [
        ("all", 12, 24)
    ]
    assert sorted(row["stratum"] for row in found if row["suppressed"]) == ["female", "male", "other"]


def test_who_is_there_is_counted_to_the_last_day_and_a_finished_visit_without_an_end_is_no_stay(
    tables: Tables,
) -> None:
    from spark.gold.operations import operations_daily

    stay(tables, "e1", day(1), None, class_code="AMB")
    stay(tables, "e2", day(2, 12), FAR_AWAY, status="in-progress")
    stay(tables, "e3", day(3, 9), day(3, 21), class_code="AMB")
    columns = "class_code on admissions discharges census occupied"
    assert _rows(operations_daily(tables), columns) == [
        ("AMB", date(2025, 1, 1), 1, 0, 0, 0.0),
        ("AMB", date(2025, 1, 3), 1, 1, 0, 0.5),
        ("IMP", date(2025, 1, 2), 1, 0, 1, 0.5),
        ("IMP", date(2025, 1, 3), 0, 0, 1, 1.0),
    ]


def test_who_was_admitted_again_is_readmitted_and_a_diagnosis_of_which_the_day_is_known_is_late_by_days(
    tables: Tables,
) -> None:
    from spark.gold.quality_rows import quality_rows

    stay(tables, "e1", day(1), day(3))
    stay(tables, "nursing", day(5), day(6), class_code="NONAC")
    stay(tables, "e2", day(10), FAR_AWAY, status="in-progress")
    stay(tables, "e3", day(5), day(5, 11), class_code="AMB", tenant="other")
    for code, on in (("a", 4), ("b", 5), ("c", 7)):
        midnight = day(on, 0)
        text = midnight.date().isoformat()
        about = {"encounter_id": "e3", "recorded_at": midnight, "recorded_text": text}
        tables.add("conditions", tenant="other", id=code, code=code, **about)
    found = quality_rows(tables).where("measure IN ('readmission', 'latency')")
    columns = "measure subject_id value in_denominator in_numerator excluded"
    assert _rows(found, columns) == [
        ("latency", "a", None, False, False, "recorded before the encounter began"),
        ("latency", "b", 0.0, True, True, None),
        ("latency", "c", 48.0, True, False, None),
        ("readmission", "e1", 7.0, True, True, None),
    ]


def test_no_journey_lasts_less_than_no_time_and_a_proposal_or_a_ban_is_no_treatment(tables: Tables) -> None:
    from spark.gold.journeys import patient_journeys

    tables.add("conditions", id="c1", code="a", recorded_at=day(5), abatement_at=day(5, 0))
    tables.add("conditions", id="c2", code="b", recorded_at=day(5), abatement_at=day(1))
    tables.add("conditions", id="c3", code="c", recorded_at=day(5), abatement_at=day(15))
    _ask_for_three(tables)
    found = patient_journeys(tables)
    assert _rows(found, "condition_code days_to_resolution days_to_medication") == [
        ("a", 0.0, None),
        ("b", None, None),
        ("c", 10.0, 2.0),
    ]


@pytest.mark.parametrize("tables", ["in hand"], indirect=True)  # of Spark the same took twenty seconds
def test_a_supply_for_longer_than_there_are_days_and_an_order_of_the_last_day_stop_no_table(
    tables: Tables,
) -> None:
    from spark.gold.quality_rows import quality_rows

    asked = {"status": "active", "intent": "order", "supply_unit": "d"}
    for code, days, on in (("ages", 1e19, day(1)), ("month", 30.7, day(1)), ("late", 30.0, FAR_AWAY)):
        about = {"code": code, "supply_value": days, **asked}
        tables.add("medication_requests", id=f"{code}1", authored_at=on, **about)
        tables.add("medication_requests", id=f"{code}2", authored_at=on - timedelta(days=9), **about)
    stay(tables, "left", FAR_AWAY, FAR_AWAY, last_updated=FAR_AWAY)
    found = quality_rows(tables).where("measure IN ('adherence', 'readmission')")
    columns = "subject_id value known_on excluded"
    assert _rows(found, columns) == [
        ("ages", 1.0, date(2025, 12, 22), None),
        ("late", 1.0, date(9999, 12, 31), None),
        ("left", None, date(9999, 12, 31), None),
        ("month", 60 / 365, date(2025, 12, 22), None),
    ]


def _ask_for_three(tables: Tables) -> None:
    asked = {"status": "active", "reason_condition_id": "c3"}
    tables.add("medication_requests", id="m1", code="x", intent="proposal", authored_at=day(6), **asked)
    tables.add("medication_requests", id="m2", code="y", intent="order", authored_at=day(7), **asked)
    tables.add("medication_requests", id="m3", code="z", do_not_perform=True, authored_at=day(5), **asked)


def test_a_proposal_or_a_ban_is_no_active_medication(spark: Any) -> None:
    from spark.plain.patient_360 import patient_360_rows
    from spark.transforms.patient_360 import INPUTS, patient_360

    tables = Tables(spark)
    _ask_for_three(tables)
    tables.add("patients", id="p1")
    by_spark = patient_360({name: tables[name] for name in INPUTS}).toArrow().to_pylist()
    by_python = patient_360_rows({name: tables.arrow(name).to_pylist() for name in INPUTS})
    assert [each["code"] for each in by_spark[0]["active_medications"]] == ["y"]
    assert by_python == by_spark


def test_an_episode_counts_in_the_outcomes_once_its_thirty_days_are_over(tables: Tables) -> None:
    from spark.gold.outcomes import treatment_outcomes

    tables.add("patient_journeys", condition_system="s", condition_code="a", diagnosed_at=day(1))
    for known_on in (date(2025, 2, 2), date(2025, 3, 3)):
        tables.add(
            "quality_rows", measure="readmission", known_on=known_on, in_denominator=True, in_numerator=False
        )
    stay(tables, "e1", day(1), day(3))
    assert _rows(treatment_outcomes(tables), "hospitalised readmitted") == [(0, 0)]
    stay(tables, "e2", day(2, month=2), day(2, 11, month=2))
    assert _rows(treatment_outcomes(tables), "hospitalised readmitted") == [(1, 0)]


def test_days_before_the_first_report_are_not_quiet_days() -> None:
    from spark.gold.surveillance import flag_rows

    on, began = date(2025, 1, 10), date(2025, 1, 9)
    series = {"tenant": "t", "condition_system": "s", "condition_code": "a", "place": "all"}
    row = series | {"condition_display": "a", "as_of": on, "days": [{"on": on, "cases": 9}]}
    (unknown,) = flag_rows([row | {"began_on": began}])
    assert (unknown["c1"], unknown["c1_alarm"]) == (None, False)
    (known,) = flag_rows([row | {"began_on": date(2024, 1, 1)}])
    assert (known["c1"], known["c1_alarm"]) == (18.0, True)


def test_what_was_made_anew_or_vacuumed_below_is_made_anew_in_gold(spark: Any, tmp_path: Path) -> None:
    from deltalake import CommitProperties, DeltaTable, write_deltalake

    from spark.gold.registry import BY_NAME
    from spark.jobs.gold import GoldJob
    from spark.jobs.tables import Progress, said_of
    from spark.paths import LakeRoot
    from spark.schemas.silver import CLAIMS, ENCOUNTERS

    root, costs = tmp_path / "lake", BY_NAME["encounter_costs"]
    path = root / CLAIMS.path

    def write(bronze: str, batch: int, claims: dict[str, float]) -> None:
        new = Tables(spark)
        for id_, total in claims.items():
            about = {"patient_id": f"of-{id_}", "encounter_id": id_, "use": "claim", "status": "active"}
            new.add("claims", id=id_, total=total, batch=batch, **about)
        rows, said = new.arrow("claims"), CommitProperties({"userMetadata": said_of(Progress(bronze, batch))})
        if path.is_dir():
            merge = DeltaTable(path).merge(rows, "now.id = new.id", "new", "now", commit_properties=said)
            merge.when_matched_update_all().when_not_matched_insert_all().execute()
        else:
            write_deltalake(path, rows, commit_properties=said)

    def claimed() -> list[float]:
        list(GoldJob(spark, LakeRoot(str(root))).run_all((costs,)))
        stored = DeltaTable(root / costs.declared.path).to_pyarrow_table()
        return sorted(stored["claimed"].to_pylist())

    visits = Tables(spark)
    for number in range(12):
        stay(visits, str(number), day(1), day(2), patient_id=f"of-{number}")
    write_deltalake(root / ENCOUNTERS.path, visits.arrow("encounters"))
    write("first", 7, {str(number): 1.0 for number in range(10)})
    assert claimed() == [1.0] * 10
    before = set(path.glob("*.parquet"))
    write("first", 8, {"0": 2.0})
    in_use = str(DeltaTable(path).file_uris())
    vacuumed = [file for file in before if file.name not in in_use]
    assert vacuumed
    for file in vacuumed:
        file.unlink()
    assert claimed() == [1.0] * 9 + [2.0]
    # Another bronze counts its batches from 1 again.
    for batch, id_ in ((3, "10"), (4, "11")):
        write("second", batch, {id_: float(batch)})
        assert claimed()[-1] == batch


def test_a_table_that_duckdb_cannot_make_is_made_by_spark(spark: Any, tmp_path: Path) -> None:
    from deltalake import DeltaTable, write_deltalake

    from spark.gold.registry import BY_NAME
    from spark.gold.words import F
    from spark.jobs.gold import GoldJob
    from spark.paths import LakeRoot
    from spark.schemas.silver import BY_NAME as SILVER

    root, costs = tmp_path / "lake", BY_NAME["encounter_costs"]
    new = Tables(spark)
    stay(new, "e1", day(1), day(2))
    about = {"encounter_id": "e1", "use": "claim", "status": "active"}
    new.add("claims", id="c1", total=7.0, created_at=day(2), **about)
    for name in (*costs.inputs, *costs.lookups):
        write_deltalake(root / SILVER[name].path, new.arrow(name))

    def fails_in_hand(frames: Any) -> Any:
        # As SQL it is what Spark has, and DuckDB has not.
        return costs.build(frames).where(F.expr("typeof(claimed) = 'double' AND bit_get(1, 0) = 1"))

    odd = replace(costs, build=fails_in_hand)
    (report,) = GoldJob(spark, LakeRoot(str(root))).run_all((odd,))
    assert (report.rows, report.notes) == (1, ("made by Spark, because DuckDB failed: CatalogException",))
    stored = DeltaTable(root / costs.declared.path).to_pyarrow_table()
    assert stored["claimed"].to_pylist() == [7.0]


def test_an_input_without_a_row_makes_a_table_without_a_row(spark: Any, tmp_path: Path) -> None:
    from deltalake import DeltaTable, write_deltalake

    from spark.gold.registry import BY_NAME
    from spark.jobs.gold import GoldJob
    from spark.paths import LakeRoot
    from spark.schemas.silver import BY_NAME as SILVER

    root, costs = tmp_path / "lake", BY_NAME["encounter_costs"]
    for name in (*costs.inputs, *costs.lookups):
        write_deltalake(root / SILVER[name].path, Tables(spark).arrow(name))
    list(GoldJob(spark, LakeRoot(str(root))).run_all((costs,)))
    assert len(DeltaTable(root / costs.declared.path).to_pyarrow_table()) == 0
