"""Text to syntax tree, by precedence climbing. http://hl7.org/fhirpath/N1/#operator-precedence"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, TypeVar

from shared.domain.fhir.fhirpath.errors import FhirPathSyntaxError
from shared.domain.fhir.fhirpath.lexer import Token, tokens, where
from shared.domain.fhir.fhirpath.quantity import CALENDAR_UNITS, Quantity
from shared.domain.fhir.fhirpath.syntax import (
    Binary,
    Call,
    Constant,
    Empty,
    Index,
    Literal,
    Member,
    Node,
    Special,
    TypeName,
    TypeTest,
    Unary,
    Variable,
)
from shared.domain.fhir.fhirpath.temporal import read_date, read_date_time, read_time

MAX_LENGTH: Final = 65_536
"""Characters. The longest expression that HL7 publishes for R4 has some 6,000."""
MAX_NESTING: Final = 100
"""Of brackets and arguments. R4's deepest expression has 8."""
MAX_DEPTH: Final = 200
"""Levels of the tree, which a chain of operators or steps has too: each costs stack when it is compiled and evaluated."""

_PRECEDENCE: Final[dict[str, int]] = {
    "implies": 1,
    **dict.fromkeys(("or", "xor"), 2),
    "and": 3,
    **dict.fromkeys(("in", "contains"), 4),
    **dict.fromkeys(("=", "~", "!=", "!~"), 5),
    **dict.fromkeys(("<=", "<", ">", ">="), 6),
    "|": 7,
    **dict.fromkeys(("is", "as"), 8),
    **dict.fromkeys(("+", "-", "&"), 9),
    **dict.fromkeys(("*", "/", "div", "mod"), 10),
}
_MOST_DIGITS: Final = 40
_UNARY: Final = 11
_NAMES_TOO: Final = frozenset({"as", "contains", "in", "is"})
_RESERVED: Final = frozenset({"true", "false", "and", "or", "xor", "implies", "div", "mod"})
_T = TypeVar("_T")


def parse(text: str) -> Node:
    """The tree of `text`. Raises FhirPathSyntaxError with the place of the mistake."""
    if len(text) > MAX_LENGTH:
        raise FhirPathSyntaxError(f"The expression is longer than {MAX_LENGTH} characters.", at=MAX_LENGTH)
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.place = 0
        self.depth = 0
        self.depths: dict[int, int] = {}

    def whole(self) -> Node:
        tree = self.expression(0)
        if self.ahead.kind != "end":
            raise self.unexpected()
        return tree

    @property
    def ahead(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.tokens[self.place]
        self.place += 1
        return token

    def is_sign(self, text: str) -> bool:
        return self.ahead.kind == "sign" and self.ahead.text == text

    def expect(self, text: str) -> None:
        if not self.is_sign(text):
            raise self.unexpected(text)
        self.place += 1

    def unexpected(self, expected: str = "") -> FhirPathSyntaxError:
        at = self.ahead.at
        found = "the end" if self.ahead.kind == "end" else f"the {self.ahead.kind} at {where(self.text, at)}"
        wanted = f": `{expected}` is expected" if expected else ""
        return FhirPathSyntaxError(f"The expression has a mistake before {found}{wanted}.", at=at)

    def grown(self, node: Node, *below: Node) -> Node:
        """`node`, whose depth is one more than that of the deepest `below`."""
        depth = 1 + max((self.depths.get(id(child), 1) for child in below), default=0)
        if depth > MAX_DEPTH:
            raise self.too_deep(MAX_DEPTH)
        self.depths[id(node)] = depth
        return node

    def too_deep(self, limit: int) -> FhirPathSyntaxError:
        return FhirPathSyntaxError(f"The expression is nested deeper than {limit} levels.", at=self.ahead.at)

    def expression(self, lowest: int) -> Node:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise self.too_deep(MAX_NESTING)
        left = self.operand()
        while self.ahead.kind in ("sign", "word"):
            operator = self.ahead.text
            precedence = _PRECEDENCE.get(operator, 0)
            if precedence <= lowest:
                break
            at = self.take().at
            if operator in ("is", "as"):
                left = self.grown(TypeTest(operator, left, self.type_name(), at), left)
            else:
                right = self.expression(precedence)
                left = self.grown(Binary(operator, left, right, at), left, right)
        self.depth -= 1
        return left

    def operand(self) -> Node:
        if self.is_sign("-") or self.is_sign("+"):
            token = self.take()
            operand = self.expression(_UNARY)
            return self.grown(Unary(token.text, operand, token.at), operand)
        node = self.term()
        while self.ahead.kind == "sign":
            at = self.ahead.at
            if self.is_sign("."):
                self.take()
                node = self.step(node)
            elif self.is_sign("["):
                self.take()
                index = self.expression(0)
                self.expect("]")
                node = self.grown(Index(node, index, at), node, index)
            else:
                break
        return node

    def term(self) -> Node:
        token = self.ahead
        if token.kind == "sign":
            return self.bracketed()
        if token.kind == "word" and token.text in ("true", "false"):
            return Literal(self.take().text == "true", token.at)
        if token.kind in ("word", "quoted", "special"):
            return self.step(None)
        return Literal(self.constant(), token.at)

    def bracketed(self) -> Node:
        at = self.ahead.at
        if self.is_sign("("):
            self.take()
            inner = self.expression(0)
            self.expect(")")
            return inner
        if self.is_sign("{"):
            self.take()
            self.expect("}")
            return Empty(at)
        if self.is_sign("%"):
            self.take()
            if self.ahead.kind not in ("word", "quoted", "string"):
                raise self.unexpected()
            return Variable(self.take().text, at)
        raise self.unexpected()

    def step(self, source: Node | None) -> Node:
        token = self.ahead
        below = () if source is None else (source,)
        if token.kind == "special":
            if source is not None:
                raise self.unexpected()
            return Special(self.take().text[1:], token.at)
        name = self.name()
        if not self.is_sign("("):
            return self.grown(Member(source, name, token.at), *below)
        self.take()
        arguments = self.arguments()
        return self.grown(Call(source, name, arguments, token.at), *below, *arguments)

    def name(self) -> str:
        token = self.ahead
        is_name = token.kind == "quoted" or (
            token.kind == "word"
            and token.text not in _RESERVED
            and (token.text in _NAMES_TOO or token.text not in _PRECEDENCE)
        )
        if not is_name:
            raise self.unexpected()
        return self.take().text

    def arguments(self) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self.is_sign(")"):
            if found:
                self.expect(",")
            found.append(self.expression(0))
        self.take()
        return tuple(found)

    def type_name(self) -> TypeName:
        first = self.name()
        if self.is_sign("."):
            self.take()
            return TypeName(first, self.name())
        return TypeName("", first)

    def constant(self) -> Constant:
        token = self.take()
        if token.kind == "string":
            return token.text
        if token.kind == "number":
            return self.number(token.text)
        if token.kind == "date":
            return self.real(read_date(token.text[1:]), token)
        if token.kind == "datetime":
            return self.real(read_date_time(token.text[1:]), token)
        if token.kind == "time":
            return self.real(read_time(token.text[2:]), token)
        self.place -= 1
        raise self.unexpected()

    def number(self, text: str) -> Constant:
        """An integer, a decimal, a quantity; `5L`, a Long of FHIRPath's next version, is an integer here."""
        if text.endswith("L"):
            return self.integer(text[:-1])
        unit = self.ahead
        if unit.kind == "string":
            return Quantity(Decimal(text), self.take().text)
        if unit.kind == "word" and unit.text in CALENDAR_UNITS:
            return Quantity(Decimal(text), CALENDAR_UNITS[self.take().text], is_calendar=True)
        return Decimal(text) if "." in text else self.integer(text)

    def integer(self, text: str) -> int:
        if len(text) > _MOST_DIGITS:
            raise FhirPathSyntaxError("The expression has an integer with too many digits.", at=self.ahead.at)
        return int(text)

    def real(self, value: _T | None, token: Token) -> _T:
        if value is None:
            raise FhirPathSyntaxError(
                f"No calendar has the {token.kind} at {where(self.text, token.at)}.", at=token.at
            )
        return value
