"""Both engines give the same rows, to the digit: on the sample's patients, and where data is odd."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from local.layout import CHECKOUT
from shared.domain.fhir.json import decode_object, encode
from shared.domain.fhir.views import View, ViewError
from spark.views.frame import SparkView
from spark.views.shipped import load_view, view_names
from tests.patience import PATIENCE_S
from tests.spark.conftest import driver_variables

ODD = (CHECKOUT / "tests/data/views/odd_observations.ndjson").read_text("utf-8").splitlines()
PATHS = [
    "id",
    "value.ofType(Quantity).value",
    "value.ofType(Quantity).value > 1.5",
    "value.ofType(Quantity).value = 1.5",
    "value.ofType(Quantity).value + 1.25",
    "value.ofType(Quantity).value + 0.50",
    "value.ofType(Quantity).unit",
    "value.exists()",
    "value is Quantity",
    "value is string",
    "effective.ofType(dateTime) < @2020-01-15",
    "effective.ofType(dateTime) = @2020",
    "issued = @2020-01-01T08:00:00Z",
    "effective.ofType(dateTime) > @2020-02-02T01:00:00Z",
    "value.ofType(time) = @T10:00:00.500",
    "status.exists()",
    "status.empty()",
    "category.coding.code.join('|')",
    "category.coding.count()",
    "category.where(text = 'a').exists()",
    "category[1].coding[1].code",
    "category.coding.last().code",
    "category.all(coding.exists())",
    "category.coding.exists(code = 'c')",
    "component.count() > 2",
    "subject.getReferenceKey(Patient)",
    "subject.getReferenceKey(Group)",
    "performer.getReferenceKey(Practitioner)",
    "getResourceKey()",
    "component.value.ofType(integer)",
    "component.select(value.ofType(Quantity)).value",
    "extension('u').value.ofType(code)",
    "status = 'final' and value.exists()",
    "status = 'final' or note.exists()",
    "status = 'final' implies note.exists()",
    "status != 'final'",
    "note.text.contains('value')",
    "id in ('1' | '2')",
    "('x' & status) + id",
    "id.length() + 1",
    "-(id.length())",
    "iif(status.exists(), 'yes', 'no')",
    "%resource.id",
    "1.50",
    "nothing",
    "valueQuantity",
    "note.first().text.startsWith('\"')",
]


def bodies(spark: Any, texts: list[str]) -> Any:
    return spark.createDataFrame([(text,) for text in texts], "body string").coalesce(1)


def by_python(definition: Any, texts: list[str]) -> list[str]:
    view = View(definition)
    return [encode(row) for text in texts for row in view.rows(decode_object(text))]


def test_paths_give_the_same_in_both_engines(spark: Any) -> None:
    planned, definitions = [], []
    for number, path in enumerate(PATHS):
        column = {"name": f"c{number}", "path": path}
        if SparkView({"resource": "Observation", "select": [{"column": [column]}]}).plan:
            planned.append(path)
            definitions.append(column)
    definition = {"resource": "Observation", "select": [{"column": definitions}]}
    assert set(PATHS) - set(planned) == {"iif(status.exists(), 'yes', 'no')"}
    found = list(SparkView(definition).json_lines(bodies(spark, ODD)))
    expected = by_python(definition, ODD)
    differ = [
        (column["path"], one[column["name"]], other[column["name"]])
        for one, other in zip(map(decode_object, found), map(decode_object, expected), strict=True)
        for column in definitions
        if one[column["name"]] != other[column["name"]]
    ]
    assert differ == []
    assert found == expected


def test_rows_come_in_the_same_order(spark: Any) -> None:
    definition = {
        "resource": "Observation",
        "select": [
            {"column": [{"name": "id", "path": "id"}]},
            {"forEachOrNull": "category", "column": [{"name": "n", "path": "%rowIndex"}],
             "select": [{"forEachOrNull": "coding",
                         "column": [{"name": "code", "path": "code"}, {"name": "m", "path": "%rowIndex"}]}]},
            {"unionAll": [{"forEach": "component", "column": [{"name": "p", "path": "%rowIndex"}]},
                          {"column": [{"name": "p", "path": "-1"}]}]},
        ],
    }  # fmt: skip
    view = SparkView(definition)
    assert view.plan
    assert list(view.json_lines(bodies(spark, ODD))) == by_python(definition, ODD)


def test_several_values_are_told_by_both_engines_alike(spark: Any) -> None:
    definition = {
        "resource": "Observation",
        "select": [{"column": [{"name": "c", "path": "category.coding.code"}]}],
    }
    with pytest.raises(ViewError) as expected:
        by_python(definition, ODD)
    for view in (SparkView(definition), SparkView(definition, by_python=True)):
        with pytest.raises(ViewError) as told:
            list(view.json_lines(bodies(spark, ODD)))
        assert told.value.text == expected.value.text


def test_what_sql_cannot_say_is_left_to_python(spark: Any) -> None:
    repeated = {
        "resource": "Questionnaire",
        "select": [{"repeat": ["item"], "column": [{"name": "l", "path": "linkId"}]}],
    }
    view = SparkView(repeated)
    assert (view.plan, view.why_python) == (None, "repeat, whose depth only data tells")
    text = '{"resourceType":"Questionnaire","item":[{"linkId":"1","item":[{"linkId":"1.1"}]}]}'
    assert list(view.json_lines(bodies(spark, [text]))) == ['{"l":"1"}', '{"l":"1.1"}']


def sample() -> dict[str, list[str]]:
    found = defaultdict(list)
    with tarfile.open(CHECKOUT / "local/demo/patients.tar.xz") as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None:
                for entry in decode_object(content.read())["entry"]:
                    found[entry["resource"]["resourceType"]].append(encode(entry["resource"]))
    return found


def test_every_view_that_ships_is_planned_and_gives_the_same_rows_of_the_sample(spark: Any) -> None:
    resources = sample()
    for name in sorted(view_names()):
        definition = json.loads((CHECKOUT / f"spark/views/{name}.json").read_text("utf-8"))
        view = SparkView(definition)
        assert view.plan, (name, view.why_python)
        texts = resources[load_view(name).resource][:150]
        assert list(view.json_lines(bodies(spark, texts))) == by_python(definition, texts), name


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = "import sys; from local.cli.main import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-c", program, "view", *arguments, "--engine", "spark"], cwd=cwd, capture_output=True, text=True,
        check=False, env=driver_variables(), timeout=PATIENCE_S,
    )  # fmt: skip


def test_the_command_prints_rows_only_and_names_bad_lines(spark: Any, tmp_path: Path) -> None:
    column = {"name": "v", "path": "value.ofType(Quantity).value"}
    (tmp_path / "view.json").write_text(
        json.dumps({"resource": "Observation", "select": [{"column": [column]}]})
    )
    lines = [ODD[0], "{", "", "[1]", '{"id":"canary"}', *ODD[1:4]]
    (tmp_path / "r [1].ndjson").write_text("\n".join(lines))
    ended = run("view.json", "r [1].ndjson", "--format", "ndjson", cwd=tmp_path)
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout == '{"v":1.50}\n{"v":-0.00120}\n{"v":12345678901234567.0}\n{"v":7}\n'
    named = [line.partition(": The")[0] for line in ended.stderr.splitlines() if "no FHIR" in line]
    assert named == [f"galen: r [1].ndjson:{number}" for number in (2, 4, 5)]
    assert "canary" not in ended.stderr
