"""Texts to trees: precedence, names, literals, and mistakes with their place."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shared.domain.fhir import fhirpath
from shared.domain.fhir.fhirpath.parser import parse
from shared.domain.fhir.fhirpath.quantity import Quantity
from shared.domain.fhir.fhirpath.syntax import Binary, Call, Literal, Member, TypeName, TypeTest, Unary
from shared.domain.fhir.fhirpath.temporal import Date, DateTime, Time


@pytest.mark.parametrize(
    ("loose", "tight"),
    [
        ("a implies b or c", "a implies (b or c)"),
        ("a or b and c", "a or (b and c)"),
        ("a and b in c", "a and (b in c)"),
        ("a in b = c", "a in (b = c)"),
        ("a = b < c", "a = (b < c)"),
        ("a < b | c", "a < (b | c)"),
        ("a | b is C", "a | (b is C)"),
        ("a + b * c", "a + (b * c)"),
        ("a - b - c", "(a - b) - c"),
        ("-a.b[0]", "-(a.b[0])"),
        ("-a * b", "(-a) * b"),
    ],
)
def test_operators_bind_as_the_specification_orders_them(loose: str, tight: str) -> None:
    assert parse(loose) == parse(tight)


def test_a_tree_has_a_node_for_each_step() -> None:
    name = Member(Member(None, "Patient"), "name")
    assert parse("Patient.name.where(use = 'x')") == Call(
        name, "where", (Binary("=", Member(None, "use"), Literal("x")),)
    )
    assert parse("a is FHIR.code") == TypeTest("is", Member(None, "a"), TypeName("FHIR", "code"))
    assert parse("-1") == Unary("-", Literal(1))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.50", Decimal("1.50")),
        ("'it\\'s \\u0041\\n'", "it's A\n"),
        ("'\\uD83E\\uDDB6'", "\U0001f9b6"),
        ("@2012-04", Date((2012, 4))),
        ("@2012T", DateTime((2012,))),
        ("@2012-04-15T10:00:00.5+02:00", DateTime((2012, 4, 15, 10, 0, Decimal("0.5")), 120)),
        ("@T10:30", Time((10, 30))),
        ("4 days", Quantity(Decimal(4), "day", is_calendar=True)),
        ("10.0 'mg'", Quantity(Decimal("10.0"), "mg")),
    ],
)
def test_literals_are_values(text: str, value: object) -> None:
    node = parse(text)
    assert isinstance(node, Literal)
    assert node.value == value
    assert type(node.value) is type(value)


@pytest.mark.parametrize("word", ["as", "contains", "in", "is", "day", "`div`", "`and`"])
def test_some_words_are_names_too(word: str) -> None:
    assert parse(f"expansion.{word}") == Member(Member(None, "expansion"), word.strip("`"))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("", 0),
        ("a +", 3),
        ("a.and", 2),
        ("a b", 2),
        ("(a", 2),
        ("'open", 0),
        ("a /* open", 2),
        ("@2012-13", 0),
        ("@2021-02-29", 0),
        ("a = @T25:00", 4),
        ("a.nosuch()", 2),
        ("a.where()", 2),
        ("a.is('x')", 2),
        ("$that", 0),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, at: int) -> None:
    with pytest.raises(fhirpath.FhirPathSyntaxError) as failure:
        fhirpath.compile(text)
    assert failure.value.at == at


def test_the_same_text_is_compiled_once() -> None:
    assert fhirpath.compile("name.given") is fhirpath.compile("name.given")
