"""What a client has to know to merge the answers of several physical partitions: the query plan.

https://learn.microsoft.com/azure/cosmos-db/nosql/query/pagination
The form of the plan, and of the rows that its rewritten query asks for, is the one that the SDKs read:
https://github.com/Azure/azure-cosmos-dotnet-v3 (QueryInfo, OrderByQueryResult).
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Any

from ..errors import CosmosError, bad_request
from .compile import PARAMETERS_SLOT
from .evaluators import Frame
from .parser import parse_query
from .queries import CompiledQuery, compile_text
from .syntax import Call, Expression, Query, Span
from .values import UNDEFINED

SUBSTATUS_NOT_SERVABLE = 1004
_FILTER = "{documentdb-formattableorderbyquery-filter}"
_AGGREGATES = {
    "COUNT": "Count", "COUNTIF": "CountIf", "SUM": "Sum", "MIN": "Min", "MAX": "Max", "AVG": "Average",
}  # fmt: skip


@lru_cache(maxsize=1024)
def needs_merging(text: str) -> bool:
    """Returns whether rows of several partitions, one after the other, would not be the answer."""
    query = parse_query(text)
    return bool(
        query.order
        or query.distinct
        or query.top
        or query.offset
        or query.group
        or compile_text(text).aggregates
    )


def not_servable() -> CosmosError:
    """Returns the 400 after which a client asks for the plan and merges."""
    return bad_request(
        "The provided cross partition query can not be directly served by the gateway. This is a first chance "
        "(internal) exception that all newer clients will know how to handle gracefully.",
        SUBSTATUS_NOT_SERVABLE,
    )


def plan_of(text: str, parameters: dict[str, Any], features: Collection[str] | None = None) -> dict[str, Any]:
    """Returns the plan of a query; raises 400 where it needs what the client says it cannot do."""
    plan = _Plan(text, parameters)
    lacking = [] if features is None else sorted(plan.features - set(features))
    if lacking:
        needed = "\n".join(
            f"Query contained {feature}, which the calling client does not support." for feature in lacking
        )
        raise bad_request(
            "Query contains 1 or more unsupported features. Upgrade your SDK to a version that does support the "
            f"requested features:\n{needed}"
        )
    return {
        "partitionedQueryExecutionInfoVersion": 2,
        "queryInfo": plan.info(),
        "queryRanges": [{"min": "", "max": "FF", "isMinInclusive": True, "isMaxInclusive": False}],
    }


class _Plan:
    """The plan of one query, made from its tree and the places of its parts in the text."""

    def __init__(self, text: str, parameters: dict[str, Any]) -> None:
        self._text = text
        self._query: Query = parse_query(text)
        self._compiled: CompiledQuery = compile_text(text)
        self._parameters = parameters
        self._single = _aggregate(self._query.value)
        # One row has no order, whatever the query says.
        self._order = [] if self._single else self._query.order
        self.features = frozenset(self._features())

    def _features(self) -> list[str]:
        query = self._query
        needed = []
        if self._compiled.aggregates:
            needed.append("Aggregate")
            if query.group is None and self._single is None:
                needed.append("NonValueAggregate" if query.value is None else "MultipleAggregates")
        for feature, there in (
            ("Distinct", query.distinct), ("GroupBy", query.group), ("MultipleOrderBy", len(self._order) > 1),
            ("OffsetAndLimit", query.offset), ("OrderBy", self._order), ("Top", query.top),
            ("DCount", self._single and any(isinstance(source.value, Query) for source in query.sources)),
        ):  # fmt: skip
            if there:
                needed.append(feature)
        return needed

    def info(self) -> dict[str, Any]:
        """Returns what is to be merged and how, with the query that each partition is to be asked."""
        query = self._query
        grouped = query.group is not None or (bool(self._compiled.aggregates) and self._single is None)
        names = [column.name for column in query.columns] if grouped else []
        kinds = {column.name: _aggregate(column.value) for column in query.columns} if grouped else {}
        return {
            "distinctType": self._distinct(),
            "top": self._number(self._compiled.top), "offset": self._number(self._compiled.offset),
            "limit": self._number(self._compiled.limit),
            "orderBy": ["Descending" if part.descending else "Ascending" for part in self._order],
            "orderByExpressions": [self._at(query.spans.order[at]) for at in range(len(self._order))],
            "groupByExpressions": [self._at(span) for span in query.spans.group], "groupByAliases": names,
            "aggregates": [self._single] if self._single and query.group is None else [],
            "groupByAliasToAggregateType": kinds, "rewrittenQuery": self._rewritten(grouped),
            "hasSelectValue": query.value is not None, "hasNonStreamingOrderBy": False, "dCountInfo": None,
        }  # fmt: skip

    def _distinct(self) -> str:
        query = self._query
        if not query.distinct:
            return "None"
        ordered = query.value is not None and [query.value] == [part.value for part in query.order]
        return "Ordered" if ordered else "Unordered"

    def _number(self, bound: Any) -> int | None:
        if bound is None:
            return None
        frame: Frame = [UNDEFINED] * self._compiled.slots
        frame[PARAMETERS_SLOT] = self._parameters
        value = bound(frame)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise bad_request("TOP, OFFSET and LIMIT take a whole number that is not negative.")
        return value

    def _at(self, span: Span) -> str:
        return self._text[span[0] : span[1]]

    def _rewritten(self, grouped: bool) -> str:
        """Returns the query for one partition; empty where it is the given one."""
        query = self._query
        if not (self._order or grouped or self._single or query.offset):
            return ""
        parts = ["SELECT", *self._head()]
        if grouped:
            keys = ", ".join(f'{{"item": {self._at(span)}}}' for span in query.spans.group)
            parts.append(f"[{keys}] AS groupByItems, {self._payload(wrapped=True)} AS payload")
        elif self._single:
            parts.append(f"VALUE [{self._wrapped(query.spans.columns[0], self._single)}]")
        elif self._order:
            keys = ", ".join(f'{{"item": {self._at(span)}}}' for span in query.spans.order)
            rid = "" if query.distinct else f"{self._compiled.root or query.root}._rid, "
            parts.append(f"{rid}[{keys}] AS orderByItems, {self._payload(wrapped=False)} AS payload")
        else:
            parts.append(self._selection())
        return " ".join([*parts, *self._tail(filtered=bool(self._order))])

    def _head(self) -> list[str]:
        query = self._query
        head = ["DISTINCT"] if query.distinct else []
        most = self._number(self._compiled.top)
        if query.offset is not None:
            # Each partition may hold all that is wanted, and all that is passed over before it.
            limit = self._number(self._compiled.limit) or 0
            most = (self._number(self._compiled.offset) or 0) + limit
        return head if most is None else [*head, f"TOP {most}"]

    def _tail(self, *, filtered: bool) -> list[str]:
        query, spans = self._query, self._query.spans
        tail = ["FROM", self._at(spans.sources)] if query.sources else []
        conditions = [f"({self._at(spans.where)})"] if query.where is not None else []
        if filtered:
            conditions.append(f"({_FILTER})")
        if conditions:
            tail += ["WHERE", " AND ".join(conditions)]
        if query.group:
            tail += ["GROUP BY", ", ".join(map(self._at, spans.group))]
        if self._order:
            told = zip(spans.order, self._order, strict=True)
            order = [f"{self._at(span)} {'DESC' if part.descending else 'ASC'}" for span, part in told]
            tail += ["ORDER BY", ", ".join(order)]
        return tail

    def _selection(self) -> str:
        query = self._query
        if query.star:
            return "*"
        if query.value is not None:
            return f"VALUE {self._at(query.spans.columns[0])}"
        return f"VALUE {self._payload(wrapped=False)}"

    def _payload(self, *, wrapped: bool) -> str:
        """Returns the expression of a row as the given query selects it."""
        query = self._query
        if query.star:
            return query.sources[0].alias
        if query.value is not None:
            return self._at(query.spans.columns[0])
        told = zip(query.columns, query.spans.columns, strict=True)
        members = []
        for column, span in told:
            kind = _aggregate(column.value) if wrapped else None
            members.append(f'"{column.name}": {self._wrapped(span, kind) if kind else self._at(span)}')
        return "{" + ", ".join(members) + "}"

    def _wrapped(self, span: Span, kind: str) -> str:
        """Returns an aggregate as clients add it up: an average by its sum and its count."""
        text = self._at(span)
        if kind == "Average":
            argument = text.partition("(")[2]
            return f'{{"item": {{"sum": SUM({argument}, "count": COUNT({argument}}}}}'
        return f'{{"item": {text}}}'


def _aggregate(value: Expression | None) -> str | None:
    """Returns the name that plans have for an aggregate, None where the expression is none."""
    return _AGGREGATES.get(value.name.upper()) if isinstance(value, Call) else None
