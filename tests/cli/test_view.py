"""`local view`: rows on standard output, mistakes on standard error, and the exit codes."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from local.cli.main import main
from local.exits import CommandStopped

VIEW = {
    "resource": "Observation",
    "select": [
        {
            "column": [
                {"name": "id", "path": "id"},
                {"name": "value", "path": "value.ofType(Quantity).value"},
                {"name": "tags", "path": "category.text", "collection": True},
            ]
        }
    ],
}
GOOD = '{"resourceType":"Observation","id":"o1","valueQuantity":{"value":1.50},"category":[{"text":"a"},{"text":"b"}]}'
EMPTY = '{"resourceType":"Observation","id":"ö,2"}'
OTHER = '{"resourceType":"Patient","id":"p"}'


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "view.json").write_text(json.dumps(VIEW))
    (tmp_path / "good.ndjson").write_text(f"{GOOD}\n{EMPTY}\n\n{OTHER}\n")
    return tmp_path


def view(*arguments: str) -> int:
    return main(["view", *arguments])


def test_ndjson_has_every_column_and_the_numbers_of_the_resource(files: Path, capfdbinary: Any) -> None:
    assert view("view.json", "good.ndjson", "--format", "ndjson") == 0
    said = capfdbinary.readouterr()
    assert said.out.decode() == (
        '{"id":"o1","value":1.50,"tags":["a","b"]}\n{"id":"ö,2","value":null,"tags":null}\n'
    )
    assert said.err == b""


def test_csv_has_a_header_and_empty_cells_for_null(files: Path, capfdbinary: Any) -> None:
    assert view("view.json", "good.ndjson", "--format", "csv") == 0
    assert capfdbinary.readouterr().out.decode() == 'id,value,tags\no1,1.50,"[""a"",""b""]"\n"ö,2",,\n'


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+49", "-1", "@SUM", "\t=1", "\r=1"])
def test_csv_has_no_text_that_a_spreadsheet_takes_for_a_formula(
    files: Path, text: str, capfdbinary: Any
) -> None:
    (files / "bad.ndjson").write_text(
        json.dumps({"resourceType": "Observation", "id": text, "valueQuantity": {"value": -1.5}})
    )
    assert view("view.json", "bad.ndjson", "--format", "csv") in (0, 1)
    (row,) = list(csv.reader(io.StringIO(capfdbinary.readouterr().out.decode(), newline="")))[1:]
    assert row == [f"'{text}", "-1.5", ""]


def test_a_table_counts_its_rows(files: Path, capfdbinary: Any) -> None:
    assert view("view.json", "good.ndjson") == 0
    lines = capfdbinary.readouterr().out.decode().splitlines()
    assert [line.split() for line in lines] == [
        ["id", "value", "tags"], ["o1", "1.50", '["a","b"]'], ["ö,2"], ["2", "rows"],
    ]  # fmt: skip


def test_a_table_passes_no_control_character_on(files: Path, capfdbinary: Any) -> None:
    (files / "bad.ndjson").write_text(json.dumps({"resourceType": "Observation", "id": "a\x1b[2J\x9b31m\rb"}))
    assert view("view.json", "bad.ndjson") in (0, 1)
    assert "a\ufffd[2J\ufffd31m\ufffdb" in capfdbinary.readouterr().out.decode()


def test_packed_files_and_standard_input_are_read(
    files: Path, capfdbinary: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (files / "more.ndjson.gz").write_bytes(gzip.compress(GOOD.encode()))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))
    assert view("view.json", "more.ndjson.gz", "-", "--format", "ndjson") == 0
    assert len(capfdbinary.readouterr().out.splitlines()) == 2


def test_a_bad_line_is_named_and_the_rest_goes_on(files: Path, capfdbinary: Any) -> None:
    (files / "bad.ndjson").write_text(f'{GOOD}\n{{"canary"\n[1]\n{{"id":"x"}}\n{EMPTY}\n')
    assert view("view.json", "bad.ndjson", "--format", "ndjson") == 1
    said = capfdbinary.readouterr()
    assert len(said.out.splitlines()) == 2
    told = said.err.decode().splitlines()
    assert [line.split()[1] for line in told[:3]] == ["bad.ndjson:2:", "bad.ndjson:3:", "bad.ndjson:4:"]
    assert told[3] == "galen: 3 lines hold no resource and are left out"
    assert "canary" not in said.err.decode()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "Not JSON"),
        ("{}", "the view is invalid: resource: this is required and missing"),
        (json.dumps({**VIEW, "where": [{"path": "id"}]}), "the view is invalid: where"),
    ],
)
def test_an_invalid_view_ends_with_2_before_any_row(
    files: Path, capfdbinary: Any, text: str, problem: str
) -> None:
    (files / "view.json").write_text(text)
    with pytest.raises(CommandStopped, match=problem) as stopped:
        view("view.json", "good.ndjson", "--format", "ndjson")
    assert stopped.value.exit_code == 2
    assert capfdbinary.readouterr().out == b""


def test_a_view_that_a_resource_shows_to_be_invalid_ends_with_2_and_the_line(
    files: Path, capfdbinary: Any
) -> None:
    column = {"name": "tag", "path": "category.text"}
    (files / "view.json").write_text(
        json.dumps({"resource": "Observation", "select": [{"column": [column]}]})
    )
    (files / "two.ndjson").write_text(f"{EMPTY}\n{GOOD}\n")
    with pytest.raises(
        CommandStopped, match=r"two.ndjson:2 shows that .* several values for the column tag"
    ) as stopped:
        view("view.json", "two.ndjson", "--format", "ndjson")
    assert stopped.value.exit_code == 2
    assert capfdbinary.readouterr().out == b""


def test_a_likely_mistake_is_a_warning(files: Path, capfdbinary: Any) -> None:
    column = {"name": "x", "path": "vlaue"}
    (files / "view.json").write_text(
        json.dumps({"resource": "Observation", "select": [{"column": [column]}]})
    )
    assert view("view.json", "good.ndjson", "--format", "ndjson") == 0
    assert (
        b"warning: select[0].column[0].path: Observation has no element vlaue" in capfdbinary.readouterr().err
    )


@pytest.mark.parametrize("arguments", [("view.json", "absent.ndjson"), ("absent.json", "good.ndjson")])
def test_a_missing_file_is_wrong_usage(files: Path, arguments: tuple[str, str]) -> None:
    with pytest.raises(CommandStopped) as stopped:
        view(*arguments)
    assert stopped.value.exit_code == 2
