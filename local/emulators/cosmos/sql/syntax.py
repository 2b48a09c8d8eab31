"""The syntax tree of a query."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Constant:
    value: Any


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str


@dataclass(frozen=True, slots=True)
class Name:
    name: str
    start: int = field(compare=False)
    end: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Property:
    base: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Element:
    """`base[key]` with a computed key."""

    base: Expression
    key: Expression


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: tuple[Expression, ...]
    start: int = field(compare=False)
    end: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    sign: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    sign: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expression


@dataclass(frozen=True, slots=True)
class OneOf:
    """`operand IN (choices)`."""

    operand: Expression
    choices: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Between:
    operand: Expression
    low: Expression
    high: Expression


@dataclass(frozen=True, slots=True)
class Like:
    operand: Expression
    pattern: Expression
    escape: Expression | None


@dataclass(frozen=True, slots=True)
class Conditional:
    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Coalesce:
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class ArrayLiteral:
    elements: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ObjectLiteral:
    members: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class Subquery:
    """`form` is exists, array or scalar."""

    form: str
    query: Query


@dataclass(frozen=True, slots=True)
class Source:
    """One input: `alias IN path` iterates, otherwise the alias is the value itself."""

    alias: str
    value: Expression | Query
    iterates: bool


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Order:
    value: Expression
    descending: bool


# Where something begins and ends in the text of its query.
Span: TypeAlias = tuple[int, int]


@dataclass(slots=True)
class Spans:
    """Where the parts of a query stand in its text, for one that is written anew."""

    columns: list[Span] = field(default_factory=list)
    sources: Span = (0, 0)
    where: Span = (0, 0)
    group: list[Span] = field(default_factory=list)
    order: list[Span] = field(default_factory=list)


@dataclass(slots=True)
class Query:
    distinct: bool = False
    top: Expression | None = None
    star: bool = False
    value: Expression | None = None
    columns: list[Column] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    where: Expression | None = None
    group: list[Expression] | None = None
    order: list[Order] = field(default_factory=list)
    offset: Expression | None = None
    limit: Expression | None = None
    # The root is whatever name the outermost FROM begins with.
    root: str | None = None
    spans: Spans = field(default_factory=Spans)


Expression: TypeAlias = (
    Constant
    | Parameter
    | Name
    | Property
    | Element
    | Call
    | Unary
    | Binary
    | And
    | Or
    | Not
    | OneOf
    | Between
    | Like
    | Conditional
    | Coalesce
    | ArrayLiteral
    | ObjectLiteral
    | Subquery
)


def path_of(expression: Any) -> tuple[Name, tuple[str, ...]] | None:
    """Returns the root name and the property names of a plain path such as `c.a.b`, else None."""
    names: list[str] = []
    while isinstance(expression, Property):
        names.append(expression.name)
        expression = expression.base
    return (expression, tuple(reversed(names))) if isinstance(expression, Name) else None
