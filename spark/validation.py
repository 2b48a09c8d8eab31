"""FHIR R4 validation of data frames and of single texts, for jobs and notebooks.

A frame with a column of JSON texts keeps its columns and gains three: `frame.mapInPandas(validate_resources,
validated_schema(frame.schema))`. A deletion (a null text) is neither valid nor invalid: its `valid` is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from pyspark.sql.types import ArrayType, BooleanType, StringType, StructField, StructType

from shared.domain.fhir.validation.report import report_on
from shared.domain.fhir.validation.validator import R4Validator

Frame = Any
"""A pandas.DataFrame, which has no types of its own to check."""
TEXT_COLUMNS: Final = ("body", "value")
"""Where the JSON stands: `body` as in our tables, else `value` as `spark.read.text` names it."""
_RULES: Final = R4Validator(best_practice=False)
_ISSUE: Final = StructType(
    [StructField(name, StringType()) for name in ("severity", "code", "expression", "details", "rule")]
)
_RESULT: Final = (
    StructField("resourceType", StringType()),
    StructField("valid", BooleanType()),
    StructField("issues", ArrayType(_ISSUE)),
)
_NOTHING: Final[dict[str, Any]] = {"resourceType": None, "valid": None, "issues": []}


def validate_text(text: str | bytes) -> dict[str, Any]:
    """`resourceType` (null where it cannot be read), `valid` and `issues` of one JSON text. Never raises for bad content."""
    return report_on(text, _RULES).as_json()


def validate_resources(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Each frame with `resourceType`, `valid` and `issues` beside its own columns, rows in order: for `mapInPandas`."""
    for frame in frames:
        texts = frame[_text_column(list(frame.columns))]
        found = [validate_text(text) if isinstance(text, str) else _NOTHING for text in texts]
        added = {field.name: [each[field.name] for each in found] for field in _RESULT}
        yield frame.assign(**added)


def validated_schema(schema: StructType) -> StructType:
    """The schema that `validate_resources` makes of one. Raises ValueError where it has no texts, or a name is taken."""
    _text_column(schema.names)
    taken = [field.name for field in _RESULT if field.name in schema.names]
    if taken:
        raise ValueError(f"the frame has a column {taken[0]} of its own: rename it first")
    return StructType([*schema.fields, *_RESULT])


def _text_column(names: Sequence[str]) -> str:
    found = next((name for name in TEXT_COLUMNS if name in names), None)
    if found is None:
        raise ValueError(f"the resources must be JSON texts in a column {' or '.join(TEXT_COLUMNS)}")
    return found
