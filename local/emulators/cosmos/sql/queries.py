"""Turns the clauses of a query into one object that filters, groups and projects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .clauses import check_order, check_subquery
from .compile import AGGREGATES, EVERYTHING, ITEM_SLOT, Compiler, Rows, Scope, object_evaluator
from .errors import BAD_GROUPING, SqlError
from .evaluators import Evaluator, Frame
from .parser import parse_query
from .plan import Comparison, Node, comparison_of, node_of
from .syntax import And, Call, Column, Constant, Expression, Name, Parameter, Query, Source, path_of
from .values import UNDEFINED, sort_key, tidy

Binder = Callable[[Frame], Iterator[None]]


@dataclass(frozen=True, slots=True)
class Ordering:
    """One part of ORDER BY; `path` is None where it is not a plain path of the item."""

    evaluate: Evaluator
    path: tuple[str, ...] | None
    descending: bool


@dataclass(frozen=True, slots=True)
class Condition:
    """One part of WHERE, with what the index knows of it and whether it is a plain comparison."""

    evaluate: Evaluator
    node: Node | None
    comparison: Comparison | None


class CompiledQuery:
    """A query, ready to run. It holds no data and may be used by any number of containers."""

    def __init__(self, compiler: Compiler, query: Query, scope: Scope | None) -> None:
        outer_aggregates, compiler.aggregates = compiler.aggregates, None
        if scope is not None:
            check_subquery(query)
        inner = self._bind(compiler, query, scope)
        self.conditions = _conditions(compiler, query, self.root, inner)
        self.where = conjunction([condition.evaluate for condition in self.conditions])
        self.order = [self._ordering(compiler, order.value, order.descending, inner) for order in query.order]
        check_order(query)
        self.group = [compiler.compile(value, inner) for value in query.group] if query.group else None
        self.touched = frozenset(compiler.touched)
        self.aggregates = compiler.aggregates = []
        self.whole = False
        self.project = self._projection(compiler, query, inner)
        self.touched_by_projection = frozenset(compiler.touched)
        compiler.aggregates = outer_aggregates
        self._check_grouping(query)
        self.distinct = query.distinct
        self.top = compiler.compile(query.top, inner) if query.top is not None else None
        self.offset = compiler.compile(query.offset, inner) if query.offset is not None else None
        self.limit = compiler.compile(query.limit, inner) if query.limit is not None else None
        self.grouped = self.group is not None or bool(self.aggregates)
        self.counts_only = (
            [name for name, _, _ in self.aggregates] == ["COUNT"]
            and self.group is None
            and _is_count_of_constant(query.value)
        )
        self.plain_paths = (
            not query.star
            and query.value is None
            and all(path_of(column.value) is not None for column in query.columns)
        )
        self.slots = compiler.slots
        self.has_sources = bool(query.sources)

    def _bind(self, compiler: Compiler, query: Query, scope: Scope | None) -> Scope:
        """Gives every input a slot; `simple` is a query whose only input is the item itself."""
        self._binders: list[tuple[int, Evaluator | None, Rows | None, bool]] = []
        self.root: str | None = None
        self.simple = False
        outer = scope or Scope({query.root: ITEM_SLOT} if query.root else {})
        names: dict[str, int] = {}
        inner = Scope(names, outer)
        for at, source in enumerate(query.sources):
            if at == 0 and scope is None and isinstance(source.value, Name) and not source.iterates:
                names[source.alias] = ITEM_SLOT
                inner.outer = None
                self.root = source.alias
                continue
            self._binders.append(self._binder(compiler, source, inner))
            names[source.alias] = self._binders[-1][0]
        self.simple = self.root is not None and not self._binders
        return inner

    @staticmethod
    def _binder(
        compiler: Compiler, source: Source, scope: Scope
    ) -> tuple[int, Evaluator | None, Rows | None, bool]:
        if isinstance(source.value, Query):
            rows: Rows = CompiledQuery(compiler, source.value, scope)
            return compiler.new_slot(), None, rows, True
        return compiler.new_slot(), compiler.compile(source.value, scope), None, source.iterates

    @staticmethod
    def _ordering(compiler: Compiler, value: Expression, descending: bool, scope: Scope) -> Ordering:
        found = path_of(value)
        path = found[1] if found and scope.slot(found[0]) == ITEM_SLOT else None
        return Ordering(compiler.compile(value, scope), path, descending)

    def _projection(self, compiler: Compiler, query: Query, scope: Scope) -> Evaluator:
        if query.star:
            slot = scope.names[query.sources[0].alias]
            if slot == ITEM_SLOT:
                compiler.touched.add(EVERYTHING)
                self.whole = True
            return lambda frame: frame[slot]
        if query.value is not None:
            self.whole = isinstance(query.value, Name) and scope.slot(query.value) == ITEM_SLOT
            return compiler.compile(query.value, scope)
        return object_evaluator(
            [(column.name, compiler.compile(column.value, scope)) for column in query.columns]
        )

    def _check_grouping(self, query: Query) -> None:
        if self.group is None and not self.aggregates:
            return
        columns = query.columns or [Column("", query.value or Constant(None))]
        for column in columns:
            grouped = query.group is not None and column.value in query.group
            if (not grouped and query.star) or not (
                grouped or _has_aggregate(column.value) or _is_fixed(column.value)
            ):
                message = (
                    f"Column '{column.name}' is invalid in the select list because it is not contained in "
                    "either an aggregate function or the GROUP BY clause."
                )
                raise SqlError(BAD_GROUPING, message)

    def bind(self, frame: Frame, depth: int = 0) -> Iterator[None]:
        """Goes through all combinations of the inputs, each time with the frame filled."""
        if depth == len(self._binders):
            yield
            return
        slot, evaluate, rows, iterates = self._binders[depth]
        given: Iterable[Any]
        if rows is not None:
            given = list(rows.values(frame))
        else:
            value = evaluate(frame) if evaluate else UNDEFINED
            if not iterates:
                value = [] if value is UNDEFINED else [value]
            given = value if isinstance(value, list) else ()
        for value in given:
            frame[slot] = value
            yield from self.bind(frame, depth + 1)

    def matches(self, frame: Frame) -> Iterator[None]:
        """Goes through the combinations for which WHERE is true."""
        where = self.where
        if where is None:
            yield from self.bind(frame)
            return
        for _ in self.bind(frame):
            if where(frame) is True:
                yield

    def values(self, frame: Frame) -> Iterator[Any]:
        """Yields the values of a subquery in the frame around it."""
        produced = self._distinct(self._values(frame))
        top = self.top(frame) if self.top else None
        for at, value in enumerate(produced):
            if top is not None and at >= top:
                return
            yield value

    def _values(self, frame: Frame) -> Iterator[Any]:
        if self.grouped:
            yield from self.grouped_values(frame, self.matches(frame))
            return
        for _ in self.matches(frame):
            value = self.project(frame)
            if value is not UNDEFINED:
                yield value

    def _distinct(self, produced: Iterator[Any]) -> Iterator[Any]:
        if not self.distinct:
            yield from produced
            return
        seen: set[Any] = set()
        for value in produced:
            key = sort_key(value)
            if key not in seen:
                seen.add(key)
                yield value

    def grouped_values(self, frame: Frame, matches: Iterator[None]) -> Iterator[Any]:
        """Yields one value per group after all matches went by."""
        groups: dict[Any, tuple[Frame, list[_Sum]]] = {}
        group = self.group
        if group is None:
            groups[()] = (frame, [_Sum(name) for name, _, _ in self.aggregates])
        for _ in matches:
            key = tuple(sort_key(part(frame)) for part in group) if group else ()
            entry = groups.get(key)
            if entry is None:
                entry = groups[key] = (list(frame), [_Sum(name) for name, _, _ in self.aggregates])
            for total, (_, argument, _) in zip(entry[1], self.aggregates, strict=True):
                total.add(argument(frame))
        for first, totals in groups.values():
            for total, (_, _, slot) in zip(totals, self.aggregates, strict=True):
                first[slot] = total.result()
            value = self.project(first)
            if value is not UNDEFINED:
                yield value


class _Sum:
    """One aggregate over one group."""

    __slots__ = ("_bad", "_best", "_count", "_name", "_total")

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0
        self._total: int | float = 0
        self._best: Any = UNDEFINED
        self._bad = False

    def add(self, value: Any) -> None:
        if value is UNDEFINED or (self._name == "COUNTIF" and value is not True):
            return
        self._count += 1
        if self._name in ("SUM", "AVG"):
            if value.__class__ is int or value.__class__ is float:
                self._total += value
            else:
                self._bad = True
        elif self._name == "MIN":
            if self._best is UNDEFINED or sort_key(value) < sort_key(self._best):
                self._best = value
        elif self._name == "MAX" and (self._best is UNDEFINED or sort_key(value) > sort_key(self._best)):
            self._best = value

    def result(self) -> Any:
        if self._name in ("COUNT", "COUNTIF"):
            return self._count
        if self._name in ("MIN", "MAX"):
            return self._best
        if self._bad:
            return UNDEFINED
        if self._name == "SUM":
            return tidy(self._total)
        return tidy(self._total / self._count) if self._count else UNDEFINED


def _has_aggregate(value: Any) -> bool:
    if isinstance(value, Call) and value.name.upper() in AGGREGATES:
        return True
    if isinstance(value, tuple):
        return any(map(_has_aggregate, value))
    names = getattr(type(value), "__slots__", ())
    return not isinstance(value, (str, Query)) and any(_has_aggregate(getattr(value, name)) for name in names)


def _is_fixed(value: Expression) -> bool:
    return isinstance(value, (Constant, Parameter))


def _is_count_of_constant(value: Expression | None) -> bool:
    return (
        isinstance(value, Call) and value.name.upper() == "COUNT" and isinstance(value.arguments[0], Constant)
    )


def conjunction(parts: list[Evaluator]) -> Evaluator | None:
    """Returns the evaluator of a filter: true or not, None where there is nothing to test."""
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0]

    def holds(frame: Frame) -> bool:
        for part in parts:  # noqa: SIM110 - a generator costs twice as much, and this runs for every item
            if part(frame) is not True:
                return False
        return True

    return holds


def _conditions(compiler: Compiler, query: Query, root: str | None, scope: Scope) -> list[Condition]:
    """Returns the parts of WHERE that must all be true."""
    if query.where is None:
        return []
    parts = query.where.parts if isinstance(query.where, And) else (query.where,)
    return [
        Condition(
            compiler.compile(part, scope),
            node_of(part, root) if root else None,
            comparison_of(part, root) if root else None,
        )
        for part in parts
    ]


def _compile_subquery(compiler: Compiler, query: Query, scope: Scope) -> Rows:
    return CompiledQuery(compiler, query, scope)


@lru_cache(maxsize=1024)
def compile_text(text: str) -> CompiledQuery:
    """Returns the compiled query of a text; raises `SqlError`."""
    return CompiledQuery(Compiler(_compile_subquery), parse_query(text), None)
