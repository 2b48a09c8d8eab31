"""The Spark types of a view's columns.

Text as written unless the view says otherwise: a decimal keeps its digits, a date its precision. The tag `ansi/type` of a
column asks for another type, to which the text is cast (null where it cannot be):
https://sql-on-fhir.org/ig/2.0.0/StructureDefinition-ViewDefinition.html#type-hinting-with-tags
"""

from __future__ import annotations

import re
from typing import Final

from pyspark.sql.types import ArrayType, BooleanType, DataType, LongType, StringType, StructField, StructType

from shared.domain.fhir.views import Column, Kind, ViewDefinition, ViewError, kind_of

TYPE_TAG: Final = "ansi/type"
_TAGGED: Final = re.compile(
    r"BOOLEAN|SMALLINT|INT|INTEGER|BIGINT|REAL|FLOAT|DOUBLE|DOUBLE PRECISION|DATE|TIMESTAMP|"
    r"(?:DECIMAL|NUMERIC)(?:\(\d{1,2}(?:, ?\d{1,2})?\))?|(?:VARCHAR|CHAR)(?:\(\d+\))?|CHARACTER VARYING|STRING"
)
_SPARK_NAMES: Final = {
    "DOUBLE PRECISION": "DOUBLE",
    "CHARACTER VARYING": "STRING",
    "VARCHAR": "STRING",
    "CHAR": "STRING",
}
_PLAIN: Final[dict[Kind, DataType]] = {Kind.BOOLEAN: BooleanType(), Kind.INTEGER: LongType()}


def plain_type(column: Column) -> DataType:
    """The type before any cast: boolean, long, or text; complex elements and columns without a type are JSON or text."""
    single = _PLAIN.get(kind_of(column.type), StringType())
    return ArrayType(single) if column.is_collection else single


def plain_schema(view: ViewDefinition) -> StructType:
    """All columns in the order of the view."""
    return StructType([StructField(column.name, plain_type(column)) for column in view.columns])


def asked_type(column: Column) -> str | None:
    """The SQL type that the column's tag asks for. Raises ViewError for one that is not known."""
    tagged = column.tags.get(TYPE_TAG)
    if tagged is None:
        return None
    name = tagged.strip().upper()
    if column.is_collection or not _TAGGED.fullmatch(name):
        raise ViewError(
            column.path.place.removesuffix(".path"),
            f"the tag {TYPE_TAG} names no SQL type that a single value can have",
        )
    return _SPARK_NAMES.get(name.partition("(")[0], name)
