"""From a row back to the bytes that arrived; what was changed on the way is told, and nobody is named unasked."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("deltalake", reason="not tested: lineage, which needs the lake group")
pytest.importorskip("duckdb", reason="not tested: lineage, which needs the lake group")

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from local.cli.main import main
from local.exits import CommandStopped
from local.lakehouse import lineage_rules
from local.lakehouse.lineage import Lineage, Step, is_sound
from shared.domain.fhir.admission import ValidationModes
from shared.domain.fhir.json import decode_object
from shared.domain.ingest.chain import pack, unpack
from shared.domain.ingest.raw_line import sha256_hex
from shared.names import HUB_SAFETY_REPORTS, TABLES
from spark.measures.adverse_events import report_rows
from spark.plain.arrow_types import arrow_schema
from spark.plain.build import build
from spark.schemas.bronze import RESOURCES
from spark.transforms.expand_files import RESOURCE, rows_of_files
from spark.transforms.expand_lines import BatchContext
from tests.delivery.test_safety_reports import report
from tests.delivery.world import World, observation, patient

AT = datetime(2026, 3, 29, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Two patients and a reading by stream, two reports of which one came in two versions; tables as a run leaves them."""
    world = World()
    world.send(patient("canary-1"), patient("p2"), observation("Patient/canary-1", "o1"))
    world.send(report("R1"), report("R2"), report("R1", version="2"), hub=HUB_SAFETY_REPORTS)
    root = tmp_path / "lake" / "galen"
    for file in world.lake.list("raw"):
        target = root / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(world.lake.read(file.path))
    for _ in build(root, lambda _: []):
        pass
    _write_reports(root)
    return root


def _write_reports(root: Path) -> None:
    rows = []
    for path in sorted((root / "raw/safety-reports").rglob("*.gz")):
        for line in unpack(path.read_bytes()):
            body = decode_object(line.body)
            rows.append(
                {
                    "tenant": line.tenant,
                    "report_id": body["safetyreportid"],
                    "body": line.body.decode(),
                    "report_version": int(body["safetyreportversion"]),
                    "received": "",
                    "landed_at": AT,
                    "batch": 1,
                    "raw_path": str(path.relative_to(root)),
                    "sequence": line.sequence,
                }
            )
    _write(root, "bronze_safety_reports", rows)
    newest = {row["report_id"]: row for row in rows}
    lines = [
        {
            "tenant": each["tenant"],
            "report_id": number,
            "line": at,
            **row,
            "transmissiondate_converted": date(2026, 3, 29),
        }
        for number, each in newest.items()
        for at, row in enumerate(report_rows(decode_object(each["body"])))
    ]
    for line in lines:
        line |= {"patientonsetage": 40, "patientsex": 1, "drug_characterization": 1, "drug_indication": "x"}
        line |= {"reaction_key": "HEADACHE", "drug_key": "ASPIRIN"}
    _write(root, "gold_adverse_event_lines", lines)
    signal = {"tenant": rows[0]["tenant"], "drug_key": "ASPIRIN", "reaction_key": "HEADACHE", "a": 2}
    _write(root, "gold_safety_signals", [signal])
    _write(root, "gold_prevalence", [signal | {"suppressed": True, "condition_code": "1"}])


def _write(root: Path, name: str, rows: list[dict[str, Any]]) -> None:
    write_deltalake(str(root / TABLES[name]), pa.Table.from_pylist(rows))


def follow(lake: Path, table: str, *, values: bool = False, limit: int = 5, **key: str) -> Step:
    return Lineage(lake, limit=limit, values=values).of(table, key)


def raw_places(step: Step) -> list[tuple[str, int]]:
    found = [(row.raw.path, row.raw.line) for row in step.rows if row.raw]
    return found + [place for row in step.rows for each in row.made_of for place in raw_places(each)]


def test_a_silver_row_leads_to_the_line_its_resource_came_in(lake: Path) -> None:
    step = follow(lake, "silver_observations")
    (row,) = step.rows
    assert is_sound(step)
    assert row.raw is not None
    assert (row.raw.line, row.raw.sequence, row.raw.state, row.raw.content) == (3, 2, "matches", "matches")


def test_the_version_that_a_reason_of_a_prediction_names_leads_to_the_line_it_came_in(lake: Path) -> None:
    (row,) = DeltaTable(lake / TABLES["silver_observations"]).to_pyarrow_table().to_pylist()
    type_, id_, _, version = f"Observation/{row['id']}/_history/{row['version']}".split("/")
    _write_bronze(lake)
    step = follow(lake, "silver_versions", type=type_, id=id_, version=version)
    assert is_sound(step)
    ((path, line),) = raw_places(step)
    assert (path, line) == (row["raw_path"], 3)


def _write_bronze(root: Path) -> None:
    """The table of resources, as the Spark job has it."""
    files = [(str(file), file.read_bytes()) for file in (root / "raw/patient-records").rglob("*.gz")]
    context = BatchContext(str(root / "raw"), 1, AT, ValidationModes())
    rows = [row for row in rows_of_files(files, context, lambda _: []) if row["kind"] == RESOURCE]
    schema = arrow_schema(RESOURCES)
    table = pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)
    write_deltalake(root / TABLES["bronze_resources"], table)


def test_a_measure_leads_through_the_newest_message_about_each_report(lake: Path) -> None:
    step = follow(lake, "gold_safety_signals", drug_key="ASPIRIN", reaction_key="HEADACHE")
    assert is_sound(step)
    (lines,) = step.rows[0].made_of
    assert (lines.table, lines.total) == ("gold_adverse_event_lines", 2)
    assert sorted(line for _, line in raw_places(step)) == [2, 3]


def test_a_changed_line_is_told_and_the_command_ends_with_one(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file,) = (lake / "raw/safety-reports").rglob("*.gz")
    text = gzip.decompress(file.read_bytes()).decode()
    file.write_bytes(gzip.compress(text.replace("ASPIRIN", "PLACEBO", 2).encode()))
    data = str(lake.parents[1])
    assert main(["lineage", "gold_adverse_event_lines", "R2", "--data", data]) == 1
    assert "DIFFER FROM SHA-256" in capsys.readouterr().out
    assert main(["lineage", "gold_adverse_event_lines", "R1", "--data", data]) == 0


def test_a_line_that_was_changed_with_its_hash_no_longer_gives_the_row(lake: Path) -> None:
    (file,) = (lake / "raw/patient-records").rglob("*.gz")
    lines = unpack(file.read_bytes())
    body = lines[0].body.replace(b"female", b"male")
    file.write_bytes(pack([replace(lines[0], body=body, sha256=sha256_hex(body)), *lines[1:]]))
    states = {row.raw.content for row in follow(lake, "silver_patients").rows if row.raw}
    assert states == {"matches", "differs"}


def test_a_file_that_is_gone_or_cut_is_told(lake: Path) -> None:
    (file,) = (lake / "raw/safety-reports").rglob("*.gz")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert not is_sound(follow(lake, "gold_safety_signals"))
    file.unlink()
    assert {line for _, line in raw_places(follow(lake, "gold_safety_signals"))} == {0}


def test_a_row_of_which_nothing_is_left_is_told(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    DeltaTable(str(lake / TABLES["bronze_safety_reports"])).delete()
    assert main(["lineage", "gold_adverse_event_lines", "R1", "--data", str(lake.parents[1])]) == 1
    assert "MISSING from this lake" in capsys.readouterr().out


def test_nobody_is_named_unless_it_is_asked_for(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(lake.parents[1])]
    for form in ("text", "json"):
        assert main(["lineage", "gold_safety_signals", "drug_key=ASPIRIN", "--format", form, *data]) == 0
        assert main(["lineage", "silver_observations", "code=8867-4", "--format", form, *data]) == 0
        quiet = capsys.readouterr().out
        assert "ASPIRIN" not in quiet
        assert "R1" not in quiet
        assert "8867-4" not in quiet
    assert main(["lineage", "gold_adverse_event_lines", "R1", "--values", *data]) == 0
    assert "ASPIRIN" in capsys.readouterr().out


def test_the_answer_as_json_has_the_whole_way(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(lake.parents[1])]
    assert main(["lineage", "gold_adverse_event_lines", "R1", "--format", "json", *data]) == 0
    said = json.loads(capsys.readouterr().out)
    raw = said["followed"][0]["made_of"][0]["followed"][0]["raw"]
    assert (said["table"], said["rows"], said["sound"]) == ("gold_adverse_event_lines", 1, True)
    assert (raw["line"], raw["state"], raw["sound"]) == (3, "matches", True)
    assert raw["path"].startswith("raw/safety-reports/")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["gold_nothing", "x"], 2, "there is no table gold_nothing"),
        (["silver_patients", "nam=x"], 2, "has no column nam"),
        (["silver_patients", "nobody"], 1, "no row with this key"),
        (["silver_patients", "id=a", "id=b"], 2, "given twice"),
        (["gold_safety_signals", "ASPIRIN"], 2, "name the columns"),
        (["gold_prevalence", "condition_code=1"], 1, "hidden"),
    ],
)
def test_what_cannot_be_followed_is_said_in_a_sentence(
    lake: Path, arguments: list[str], code: int, said: str
) -> None:
    with pytest.raises(CommandStopped, match=said) as stopped:
        main(["lineage", *arguments, "--data", str(lake.parents[1])])
    assert stopped.value.exit_code == code


def test_a_limit_leaves_rows_out_and_says_how_many(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(lake.parents[1])]
    assert main(["lineage", "gold_safety_signals", "drug_key=ASPIRIN", "--limit", "1", *data]) == 0
    assert "2 rows, 1 more not followed" in capsys.readouterr().out


def test_every_gold_table_has_rules_over_its_declared_inputs() -> None:
    pytest.importorskip("pyspark", reason="not tested: the rules of lineage beside gold's declarations")
    from spark.gold.registry import GOLD

    named = {
        f"gold_{table.name}": {
            next(name for name in (f"gold_{each}", f"silver_{each}", f"bronze_{each}") if name in TABLES)
            for each in table.inputs
        }
        for table in GOLD
    }
    ruled = {
        name: {rule.table for rule in rules} | set(lineage_rules.CONTEXT.get(name, ()))
        for name, rules in lineage_rules.GOLD.items()
    }
    assert ruled == named
