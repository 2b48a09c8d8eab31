"""Validation of data frames: the columns it adds, and the snippet that the documents show."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyspark", reason="not tested: validation in Spark, which needs the spark group")

from pyspark.sql.types import IntegerType, StringType, StructField, StructType

from local.layout import CHECKOUT
from spark.validation import validate_text, validated_schema

GOOD = '{"resourceType":"Patient","gender":"female"}'
BAD = '{"resourceType":"Observation","status":"final"}'
SNIPPET = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_a_text_is_validated_by_a_plain_call() -> None:
    assert validate_text(GOOD) == {"resourceType": "Patient", "valid": True, "issues": []}
    found = validate_text(BAD.encode())
    assert (found["resourceType"], found["valid"]) == ("Observation", False)
    assert {issue["expression"] for issue in found["issues"]} == {"Observation.code"}


def test_what_cannot_be_read_has_no_type_and_is_not_valid() -> None:
    for text in ("", "{", "<Patient/>", "[]"):
        found = validate_text(text)
        assert (found["resourceType"], found["valid"], len(found["issues"])) == (None, False, 1)


def test_a_frame_without_texts_or_with_our_names_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="body or value"):
        validated_schema(StructType([StructField("n", IntegerType())]))
    with pytest.raises(ValueError, match="valid of its own"):
        validated_schema(StructType([StructField("body", StringType()), StructField("valid", StringType())]))


def test_the_snippet_of_the_documents_finds_the_invalid_rows(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "in.ndjson").write_text(f"{GOOD}\n{BAD}\n")
    text = (CHECKOUT / "docs/validation.md").read_text("utf-8")
    [snippet] = [each for each in SNIPPET.findall(text) if "mapInPandas" in each]
    names: dict[str, Any] = {"spark": spark}
    exec(snippet.replace("/data/*.ndjson", str(tmp_path / "*.ndjson")), names)
    rows = names["by_rule"].collect()
    assert {(row["rule"], row["count"]) for row in rows} == {
        (issue["rule"], 1) for issue in validate_text(BAD)["issues"]
    }


def test_rows_keep_their_columns_and_a_deletion_is_neither_valid_nor_not(spark: Any) -> None:
    from spark.validation import validate_resources

    frame = spark.createDataFrame([("a", GOOD), ("b", None), ("c", "{")], "id string, body string")
    rows = frame.mapInPandas(validate_resources, validated_schema(frame.schema)).collect()
    assert [(row["id"], row["resourceType"], row["valid"]) for row in rows] == [
        ("a", "Patient", True),
        ("b", None, None),
        ("c", None, False),
    ]
    assert json.loads(rows[0]["body"])["gender"] == "female"
