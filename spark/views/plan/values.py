"""What an expression becomes: a piece of Spark SQL with the type and the number of what it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

from shared.domain.fhir.fhirpath.inference import NUMBERS
from shared.domain.fhir.views import Kind, kind_of
from spark.views.plan.used import Used

MOMENTS: Final = frozenset({"date", "dateTime", "instant", "System.Date", "System.DateTime"})
TIMES: Final = frozenset({"time", "System.Time"})
RAISED: Final = "galen-view-error"
"""Stands around the message of an error that a row raises, by which it is found in Spark's own words."""
_NUMERIC: Final = "DECIMAL(38, 18)"


class NotPlanned(Exception):
    """This part of a view has no counterpart in Spark SQL that means exactly the same: the Python engine runs the view."""


@dataclass(frozen=True, slots=True)
class Value:
    """`sql` is a value or, if `is_many`, an array without nulls; null and the empty array are the empty collection.

    Decimals are text with their own digits, or a SQL number if `is_computed`. `used` is the element in the schema. `choices`
    are the types of a choice that is not narrowed yet, `beside` is the `_name` sibling of a single primitive: both are read
    only where they are asked for.
    """

    sql: str
    type: str
    is_many: bool = False
    used: Used | None = None
    choices: tuple[tuple[str, Callable[[], Value]], ...] = ()
    beside: Callable[[], Value] | None = None
    is_computed: bool = False

    @property
    def kind(self) -> Kind:
        """The form of its type."""
        return kind_of(self.type)

    @property
    def is_nothing(self) -> bool:
        """Whether it is empty for any data."""
        return self.sql == "NULL"

    def item(self, variable: str) -> Value:
        """One of its items, as the lambda variable that holds it."""
        return replace(self, sql=variable, is_many=False, beside=None)


NOTHING: Final = Value("NULL", "")
_names = count(1)


def boolean(sql: str) -> Value:
    """A computed boolean."""
    return Value(sql, "System.Boolean")


def text(sql: str, *, is_many: bool = False) -> Value:
    """Computed text."""
    return Value(sql, "System.String", is_many)


def integer(sql: str) -> Value:
    """A computed whole number."""
    return Value(sql, "System.Integer")


def quoted(value: str) -> str:
    """A SQL string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


def named(name: str) -> str:
    """A SQL identifier."""
    return "`" + name.replace("`", "``") + "`"


def with_item(array: str, function: str, body: Callable[[str], str]) -> str:
    """`function(array, v -> body)`: transform, filter, exists, forall."""
    variable = f"v{next(_names)}"
    return f"{function}({array}, {variable} -> {body(variable)})"


def with_item_and_place(array: str, body: Callable[[str, str], str]) -> str:
    """`transform(array, (v, i) -> body)`."""
    variable = f"v{next(_names)}"
    place = f"i{next(_names)}"
    return f"transform({array}, ({variable}, {place}) -> {body(variable, place)})"


def once(sql: str, body: Callable[[str], str]) -> str:
    """`body` over a name for `sql`, which is then evaluated once however often the name occurs."""
    if sql.replace("`", "").replace(".", "").replace("_", "").isalnum():
        return body(sql)
    return with_item(f"array({sql})", "transform", body) + "[0]"


def array_of(value: Value) -> str:
    """`value` as an array, empty rather than null."""
    if value.is_many:
        return f"coalesce({value.sql}, array())"
    return once(value.sql, lambda name: f"CASE WHEN {name} IS NULL THEN array() ELSE array({name}) END")


def single(value: Value, problem: str = "a single value is expected where the path gives several") -> Value:
    """`value` with at most one item; the row fails where it has several."""
    if value.choices:
        raise NotPlanned("a choice of types that ofType() does not narrow")
    if not value.is_many:
        return value
    failure = f"raise_error({quoted(RAISED + problem + RAISED)})"
    sql = once(value.sql, lambda name: f"CASE WHEN size({name}) > 1 THEN {failure} ELSE get({name}, 0) END")
    return replace(value, sql=sql, is_many=False)


def is_there(value: Value) -> str:
    """A SQL boolean: whether there is an item, be it a primitive with extensions alone."""
    if value.is_nothing:
        return "false"
    if value.choices:
        return f"({' OR '.join(is_there(make()) for _, make in value.choices)})"
    if value.is_many:
        return f"coalesce(size({value.sql}) > 0, false)"
    beside = f" OR {value.beside().sql} IS NOT NULL" if value.beside else ""
    return f"({value.sql} IS NOT NULL{beside})"


def truth(value: Value) -> str:
    """A SQL boolean or null: a single item that is no boolean counts as true."""
    if value.is_nothing:
        return "CAST(NULL AS BOOLEAN)"
    one = single(value)
    return one.sql if one.kind is Kind.BOOLEAN else f"CASE WHEN {one.sql} IS NOT NULL THEN true END"


def number(value: Value) -> str:
    """The SQL number of a single numeric value."""
    one = single(value)
    if one.type not in NUMBERS:
        raise NotPlanned("arithmetic on something that is no number")
    if one.kind is Kind.INTEGER or one.is_computed:
        return one.sql
    return f"try_cast({one.sql} AS {_NUMERIC})"


def shortest(sql: str) -> str:
    """A SQL decimal as text without zeros at its end."""
    without_zeros = f"regexp_replace(CAST({sql} AS STRING), '(\\\\.[0-9]*?)0+$', '$1')"
    return f"regexp_replace({without_zeros}, '\\\\.$', '')"
