"""What the service takes in ORDER BY, TOP and OFFSET LIMIT: paths of the documents, and none of it in a subquery.

https://learn.microsoft.com/azure/cosmos-db/nosql/query/order-by
"""

from __future__ import annotations

from .errors import (
    LIMIT_IN_SUBQUERY,
    NO_DOCUMENT_PATH,
    ORDER_IN_SUBQUERY,
    TOP_IN_SUBQUERY,
    UNNUMBERED,
    SqlError,
)
from .syntax import Constant, Element, Expression, Name, Property, Query


def check_subquery(query: Query) -> None:
    """Raises where a subquery has a clause that only the outermost query may have."""
    for clause, code, given in (
        ("ORDER BY", ORDER_IN_SUBQUERY, bool(query.order)),
        ("TOP", TOP_IN_SUBQUERY, query.top is not None),
        ("OFFSET LIMIT", LIMIT_IN_SUBQUERY, query.offset is not None),
    ):
        if given:
            raise SqlError(code, f"'{clause}' is not supported in subqueries.")


def check_order(query: Query) -> None:
    """Raises where the outermost query sorts by anything but paths of the documents."""
    if query.order and query.group:
        raise SqlError(UNNUMBERED, "'ORDER BY' is not supported in presence of GROUP BY.")
    for part, (start, end) in zip(query.order, query.spans.order, strict=True):
        if _is_correlated(part.value, query):
            message = "Order-by over correlated collections is not supported."
            raise SqlError(UNNUMBERED, message, start, end)
        if not _is_document_path(part.value, query):
            message = "Unsupported ORDER BY clause. ORDER BY item expression could not be mapped to a document path."
            raise SqlError(NO_DOCUMENT_PATH, message, start, end)


def _steps(value: Expression) -> tuple[Name, list[str | int]] | None:
    """Returns the root and the constant steps of `c.a["b"][0]`, None for what is computed."""
    steps: list[str | int] = []
    while isinstance(value, (Property, Element)):
        if isinstance(value, Property):
            steps.append(value.name)
        elif isinstance(value.key, Constant) and isinstance(value.key.value, int):
            steps.append(value.key.value)
        else:
            return None
        value = value.base
    return (value, steps[::-1]) if isinstance(value, Name) else None


def _is_correlated(value: Expression, query: Query) -> bool:
    """Returns whether a path begins at what is gone through inside each document."""
    found = _steps(value)
    return found is not None and any(
        source.alias == found[0].name
        and (at > 0 or (source.iterates and not isinstance(source.value, Query)))
        for at, source in enumerate(query.sources)
    )


def _is_document_path(value: Expression, query: Query) -> bool:
    """Returns whether an expression is a path of the documents, if need be through the subquery in FROM."""
    found = _steps(value)
    if found is None:
        return False
    source = next((source for source in query.sources if source.alias == found[0].name), None)
    if source is None or not isinstance(source.value, Query):
        return source is not None
    inner = source.value
    if inner.star or inner.value is not None:
        return inner.star or _is_document_path(inner.value or Constant(None), inner)
    named = {column.name: column.value for column in inner.columns}
    first = found[1][0] if found[1] else None
    return isinstance(first, str) and first in named and _is_document_path(named[first], inner)
