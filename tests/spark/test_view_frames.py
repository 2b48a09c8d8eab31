"""Views over data frames: key columns beside the view's, text as written, and the types that tags ask for."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from spark.views.frame import SparkView

VIEW: dict[str, Any] = {
    "resource": "Observation",
    "select": [
        {
            "column": [
                {"name": "value", "path": "value.ofType(Quantity).value"},
                {"name": "exact", "path": "value.ofType(Quantity).value",
                 "tag": [{"name": "ansi/type", "value": "decimal(10,3)"}]},
                {"name": "tags", "path": "category.text", "collection": True},
                {"name": "has_note", "path": "note.exists()"},
            ]
        }
    ],
}  # fmt: skip
BODY = '{"resourceType":"Observation","valueQuantity":{"value":1.50},"category":[{"text":"a"},{"text":"b"}]}'


def test_key_columns_stand_beside_the_views(spark: Any) -> None:
    bodies = [("t1", "1", BODY), ("t2", "2", '{"resourceType":"Observation"}'), ("t2", "3", None)]
    frame = spark.createDataFrame(
        [*bodies, ("t2", "4", '{"resourceType":"Patient"}')], "tenant string, id string, body string"
    )
    rows = SparkView(VIEW).rows(frame, ["tenant", "id"])
    assert rows.columns == ["tenant", "id", "value", "exact", "tags", "has_note"]
    assert [tuple(row) for row in rows.orderBy("id").collect()] == [
        ("t1", "1", "1.50", Decimal("1.500"), ["a", "b"], False),
        ("t2", "2", None, None, None, False),
    ]


def test_the_definition_may_come_from_any_json(spark: Any) -> None:
    frame = spark.createDataFrame([(BODY,)], "text string")
    assert SparkView(json.loads(json.dumps(VIEW))).rows(frame, body="text").count() == 1
