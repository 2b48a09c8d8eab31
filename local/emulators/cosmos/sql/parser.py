"""Recursive descent from tokens to the syntax tree: the clauses of a query."""

from __future__ import annotations

from .errors import BAD_STAR, DUPLICATE_NAME, SYNTAX, UNKNOWN_FUNCTION, AbsentError, SqlError
from .expressions import ExpressionParser
from .lexer import tokenize
from .syntax import Column, Expression, Name, Order, Property, Query, Source, Span, Subquery


def parse_query(text: str) -> Query:
    """Returns the tree of a query; raises `SqlError` where the text is none."""
    parser = Parser(tokenize(text))
    try:
        query = parser.query(outermost=True)
    except RecursionError:
        raise SqlError(
            SYNTAX, "The query is nested too deeply.", parser.here.start, parser.here.end
        ) from None
    parser.expect_end()
    return query


class Parser(ExpressionParser):
    """Reads the clauses; expressions come from the base."""

    def query(self, outermost: bool = False) -> Query:
        """Reads SELECT … to the last clause."""
        start = self.here.start
        self.expect("select")
        query = Query()
        query.distinct = self.accept("distinct") is not None
        if self.accept("top"):
            query.top = self.primary()
        self._selection(query)
        if self.accept("from"):
            begin = self.here.start
            self._sources(query, outermost)
            query.spans.sources = self.since(begin)
        if query.star and len(query.sources) != 1:
            why = "with a single input set" if query.sources else "if a FROM clause is given"
            raise SqlError(BAD_STAR, f"'SELECT *' is only valid {why}.", start, self.here.end)
        if self.accept("where"):
            begin = self.here.start
            query.where = self.expression()
            query.spans.where = self.since(begin)
        if self.accept("group"):
            self.expect("by")
            query.group = self._list(query.spans.group)
        if self.accept("order"):
            self.expect("by")
            query.order = [self._order(query)]
            while self.accept(","):
                query.order.append(self._order(query))
        if self.accept("offset"):
            query.offset = self.additive()
            self.expect("limit")
            query.limit = self.additive()
        return query

    def _list(self, spans: list[Span]) -> list[Expression]:
        found: list[Expression] = []
        while not found or self.accept(","):
            begin = self.here.start
            found.append(self.expression())
            spans.append(self.since(begin))
        return found

    def _order(self, query: Query) -> Order:
        begin = self.here.start
        if self.here.text.lower() == "rank" and self.following.kind == "name":
            what = "ORDER BY RANK of full-text and hybrid search"
            raise AbsentError(UNKNOWN_FUNCTION, what, begin, self.following.end)
        value = self.expression()
        query.spans.order.append(self.since(begin))
        return Order(value, self.accept("asc", "desc") == "desc")

    def _selection(self, query: Query) -> None:
        if self.accept("*"):
            query.star = True
            return
        if self.accept("value"):
            begin = self.here.start
            query.value = self.expression()
            query.spans.columns.append(self.since(begin))
            return
        unnamed = 0
        while True:
            start = self.here.start
            value = self.expression()
            query.spans.columns.append(self.since(start))
            name = self._alias() or _natural_name(value)
            if name is None:
                unnamed += 1
                name = f"${unnamed}"
            if any(column.name == name for column in query.columns):
                message = f"The property name '{name}' is specified more than once in the SELECT list."
                raise SqlError(DUPLICATE_NAME, message, start, self.here.start)
            query.columns.append(Column(name, value))
            if not self.accept(","):
                return

    def _alias(self) -> str | None:
        if self.accept("as"):
            return self.name()
        return self.name() if self.here.kind == "name" else None

    def _sources(self, query: Query, outermost: bool) -> None:
        first = self._source()
        query.sources.append(first)
        if outermost:
            query.root = _root_name(first)
        while self.accept("join"):
            query.sources.append(self._source())

    def _source(self) -> Source:
        if self.here.kind == "name" and self.following.value == "in" and self.following.kind == "keyword":
            alias = self.name()
            self.expect("in")
            return Source(alias, self._source_value(), True)
        start = self.here
        value = self._source_value()
        if self.accept("in"):
            raise self.unexpected(start)
        alias = self._alias() or (_natural_name(value) if not isinstance(value, Query) else None) or ""
        # A subquery as input gives its rows one by one.
        return Source(alias, value, isinstance(value, Query))

    def _source_value(self) -> Expression | Query:
        if self.here.value == "(" and self.following.value == "select":
            self.expect("(")
            query = self.query()
            self.expect(")")
            return query
        return self.postfix()


def _natural_name(value: Expression) -> str | None:
    if isinstance(value, Name):
        return value.name
    return value.name if isinstance(value, Property) else None


def _root_name(source: Source) -> str | None:
    value = source.value
    while isinstance(value, Property):
        value = value.base
    if isinstance(value, Query):
        # The rows of a subquery in FROM come from the items that its own FROM begins with.
        return _root_name(value.sources[0]) if value.sources else None
    if isinstance(value, Subquery):
        return None
    return value.name if isinstance(value, Name) else None
