"""The part of a resource that a view reads: what `from_json` parses, everything else is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyspark.sql.types import ArrayType, BooleanType, DataType, LongType, StringType, StructField, StructType

from shared.domain.fhir.views import Kind, kind_of

_SINGLE: Final[dict[Kind, DataType]] = {Kind.BOOLEAN: BooleanType(), Kind.INTEGER: LongType()}


class Used:
    """An element that is read, with the properties below it that are."""

    __slots__ = ("is_array", "properties", "type")

    def __init__(self, type_name: str, *, is_array: bool = False) -> None:
        self.type = type_name
        self.is_array = is_array
        self.properties: dict[str, Used] = {}

    def read(self, name: str, type_name: str, *, is_array: bool) -> Used:
        """The element in the JSON property `name`, which is read from now on."""
        return self.properties.setdefault(name, Used(type_name, is_array=is_array))

    def data_type(self) -> DataType:
        """Its type in a schema; an element of which only the existence is asked is text."""
        single: DataType
        if self.properties:
            single = StructType(
                [StructField(name, used.data_type()) for name, used in self.properties.items()]
            )
        else:
            single = _SINGLE.get(kind_of(self.type), StringType())
        return ArrayType(single) if self.is_array else single

    def decimals(self) -> Iterator[str]:
        """The names of all properties that hold a decimal."""
        for name, used in self.properties.items():
            if used.type == "decimal":
                yield name
            yield from used.decimals()

    def numbers(self) -> Iterator[str]:
        """The names of all properties that are parsed as a boolean or a whole number."""
        for name, used in self.properties.items():
            if kind_of(used.type) in _SINGLE:
                yield name
            yield from used.numbers()
