"""Recursive descent from tokens to the syntax tree: expressions, loosest binding first."""

from __future__ import annotations

import math

from .errors import SYNTAX, UNKNOWN_FUNCTION, AbsentError, SqlError
from .lexer import Token
from .syntax import (
    And,
    ArrayLiteral,
    Between,
    Binary,
    Call,
    Coalesce,
    Conditional,
    Constant,
    Element,
    Expression,
    Like,
    Name,
    Not,
    ObjectLiteral,
    OneOf,
    Or,
    Parameter,
    Property,
    Query,
    Subquery,
    Unary,
)

_WORDS = {"null": None, "true": True, "false": False}
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("|",), ("^",), ("&",), ("<<", ">>", ">>>"), ("||",), ("+", "-"), ("*", "/", "%"),
)  # fmt: skip
_DEPTH_MAX = 100


class ExpressionParser:
    """Walks the tokens; `query` is supplied by the parser of clauses."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def query(self, outermost: bool = False) -> Query:
        """Reads a query."""
        raise NotImplementedError

    @property
    def here(self) -> Token:
        """The token to be read next."""
        return self._tokens[self._at]

    @property
    def following(self) -> Token:
        """The token after that."""
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def since(self, start: int) -> tuple[int, int]:
        """Returns the place in the text from there to what was read last."""
        return start, self._tokens[self._at - 1].end

    def accept(self, *values: str) -> str | None:
        """Reads one of these keywords or signs where it is next."""
        token = self.here
        if token.value in values and token.kind in ("keyword", "sign"):
            self._at += 1
            return token.value
        return None

    def expect(self, value: str) -> None:
        """Reads this keyword or sign; anything else is a syntax error."""
        if self.accept(value) is None:
            raise self.unexpected(self.here)

    def expect_end(self) -> None:
        """Raises where something follows."""
        if self.here.kind != "end":
            raise self.unexpected(self.here)

    def unexpected(self, token: Token) -> SqlError:
        """Returns the syntax error for a token in the wrong place."""
        if token.kind == "end":
            return SqlError(SYNTAX, "Syntax error, unexpected end of the query.", token.start, token.end)
        return SqlError(
            SYNTAX, f"Syntax error, incorrect syntax near '{token.text}'.", token.start, token.end
        )

    def name(self) -> str:
        """Reads a name. Keywords are none, as in the service: a property `value` is written `c["value"]`."""
        token = self.here
        if token.kind != "name":
            raise self.unexpected(token)
        self._at += 1
        return token.text

    def expression(self) -> Expression:
        """Reads an expression."""
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise SqlError(SYNTAX, "The query is nested too deeply.", self.here.start, self.here.end)
        value = self._or()
        while True:
            if self.accept("?"):
                then = self.expression()
                self.expect(":")
                value = Conditional(value, then, self.expression())
            elif self.accept("??"):
                value = Coalesce(value, self._or())
            else:
                self._depth -= 1
                return value

    def _or(self) -> Expression:
        parts = [self._and()]
        while self.accept("or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self) -> Expression:
        parts = [self._not()]
        while self.accept("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _not(self) -> Expression:
        return Not(self._not()) if self.accept("not") else self._comparison()

    def _comparison(self) -> Expression:
        value = self.additive()
        while True:
            sign = self.accept("=", "!=", "<>", "<=", ">=", "<", ">")
            if sign:
                value = Binary("!=" if sign == "<>" else sign, value, self.additive())
                continue
            negated = self.here.value == "not" and self.following.value in ("in", "between", "like")
            if negated:
                self.expect("not")
            tested = self._test(value)
            if tested is None:
                return value
            value = Not(tested) if negated else tested

    def _test(self, value: Expression) -> Expression | None:
        if self.accept("in"):
            self.expect("(")
            choices = [self.expression()]
            while self.accept(","):
                choices.append(self.expression())
            self.expect(")")
            return OneOf(value, tuple(choices))
        if self.accept("between"):
            low = self.additive()
            self.expect("and")
            return Between(value, low, self.additive())
        if self.accept("like"):
            pattern = self.additive()
            return Like(value, pattern, self.additive() if self.accept("escape") else None)
        return None

    def additive(self, level: int = 0) -> Expression:
        """Reads everything that binds more tightly than a comparison."""
        if level == len(_LEVELS):
            return self._unary()
        value = self.additive(level + 1)
        while sign := self.accept(*_LEVELS[level]):
            value = Binary(sign, value, self.additive(level + 1))
        return value

    def _unary(self) -> Expression:
        sign = self.accept("-", "+", "~")
        return Unary(sign, self._unary()) if sign else self.postfix()

    def postfix(self) -> Expression:
        """Reads a primary with its property and element accesses."""
        value = self.primary()
        while True:
            if self.accept("."):
                value = Property(value, self.name())
                if (
                    isinstance(value.base, Name)
                    and value.base.name.lower() == "udf"
                    and self.here.value == "("
                ):
                    raise AbsentError(
                        UNKNOWN_FUNCTION, "user-defined functions", value.base.start, self.here.end
                    )
            elif self.accept("["):
                key = self.expression()
                self.expect("]")
                if isinstance(key, Constant) and isinstance(key.value, str):
                    value = Property(value, key.value)
                else:
                    value = Element(value, key)
            else:
                return value

    def primary(self) -> Expression:
        """Reads a literal, name, call, subquery or something in parentheses."""
        token = self.here
        if token.kind == "keyword":
            return self._keyword(token)
        if token.kind == "sign":
            return self._bracketed(token)
        if token.kind == "end":
            raise self.unexpected(token)
        self._at += 1
        if token.kind == "number":
            return Constant(_number(token))
        if token.kind == "string":
            return Constant(token.value)
        if token.kind == "parameter":
            return Parameter(token.value)
        return self._call(token) if self.accept("(") else Name(token.text, token.start, token.end)

    def _keyword(self, token: Token) -> Expression:
        self._at += 1
        if token.value in _WORDS:
            return Constant(_WORDS[token.value])
        if token.value == "undefined":
            return Call("UNDEFINED", (), token.start, token.end)
        if token.value in ("exists", "array") and self.accept("("):
            query = self.query()
            self.expect(")")
            return Subquery(token.value, query)
        raise self.unexpected(token)

    def _call(self, token: Token) -> Expression:
        name = token.text
        arguments: list[Expression] = []
        if not self.accept(")"):
            arguments.append(self.expression())
            while self.accept(","):
                arguments.append(self.expression())
            self.expect(")")
        return Call(name, tuple(arguments), token.start, token.end)

    def _bracketed(self, token: Token) -> Expression:
        if self.accept("("):
            if self.here.value == "select" and self.here.kind == "keyword":
                query = self.query()
                self.expect(")")
                return Subquery("scalar", query)
            value = self.expression()
            self.expect(")")
            return value
        if self.accept("["):
            elements: list[Expression] = []
            while not self.accept("]"):
                if elements:
                    self.expect(",")
                elements.append(self.expression())
            return ArrayLiteral(tuple(elements))
        if self.accept("{"):
            members: list[tuple[str, Expression]] = []
            while not self.accept("}"):
                if members:
                    self.expect(",")
                members.append(self._member())
            return ObjectLiteral(tuple(members))
        raise self.unexpected(token)

    def _member(self) -> tuple[str, Expression]:
        if self.here.kind == "string":
            name = self.here.value
            self._at += 1
        else:
            name = self.name()
        self.expect(":")
        return name, self.expression()


def _number(token: Token) -> int | float:
    text = token.value
    try:
        number: int | float
        if text[:2] in ("0x", "0X"):
            number = int(text, 16)
        else:
            number = float(text) if any(mark in text for mark in ".eE") else int(text)
        if math.isfinite(number):
            return number
    except (OverflowError, ValueError):
        # A whole number that no double holds, or with more digits than Python reads.
        pass
    raise SqlError(SYNTAX, f"Syntax error, invalid numeric value token '{text}'.", token.start, token.end)
