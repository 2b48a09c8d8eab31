"""Syntax trees to closures. http://hl7.org/fhirpath/N1/#expressions"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from shared.domain.fhir.fhirpath.code import THIS, Code, kept, of_truth
from shared.domain.fhir.fhirpath.element import EMPTY, Element, Items
from shared.domain.fhir.fhirpath.environment import Environment
from shared.domain.fhir.fhirpath.errors import FhirPathError, FhirPathSyntaxError
from shared.domain.fhir.fhirpath.functions import (  # noqa: F401 - each registers its functions
    aggregates,
    boundaries,
    combining,
    conversion,
    existence,
    fhir,
    filtering,
    keys,
    matching,
    math,
    strings,
    subsetting,
    tree,
    typing,
    utility,
)
from shared.domain.fhir.fhirpath.functions.registry import FUNCTIONS, one_integer
from shared.domain.fhir.fhirpath.operators import compile_binary, compile_type_test, compile_unary
from shared.domain.fhir.fhirpath.syntax import (
    Binary,
    Call,
    Empty,
    Index,
    Literal,
    Member,
    Node,
    Special,
    TypeTest,
    Unary,
    Variable,
)
from shared.domain.fhir.fhirpath.types import is_type_argument
from shared.domain.fhir.fhirpath.variables import variable


def compile_node(node: Node) -> Code:
    """The code of a tree. Raises FhirPathSyntaxError for functions that do not exist or get a wrong number of arguments."""
    code = _COMPILERS[type(node)](node)
    if code.uses or isinstance(node, _TRIVIAL):
        return code
    return kept(code, repr(node))


def _empty(node: Empty) -> Code:
    return Code(node, lambda env, this: EMPTY)


def _literal(node: Literal) -> Code:
    items = (node.value,)
    return Code(node, lambda env, this: items)


def _variable(node: Variable) -> Code:
    return Code(node, variable(node.name))


def _special(node: Special) -> Code:
    uses = frozenset({node.name})
    if node.name == "this":
        return Code(node, lambda env, this: this, uses=uses)
    if node.name == "total":
        return Code(node, lambda env, this: env.total, uses=uses)
    return Code(node, lambda env, this: (env.index,) if env.index >= 0 else EMPTY, uses=uses)


def _member(node: Member) -> Code:
    if node.source is not None:
        return _child(node, compile_node(node.source))
    if node.name[:1].isupper():
        return _type_or_child(node)
    name = node.name
    return Code(
        node,
        lambda env, this: env.schema.children(this, name),
        any_item=lambda env, this: env.schema.has_child(this, name),
        uses=THIS,
    )


def _child(node: Member, source: Code) -> Code:
    parents, name = source.items, node.name
    return Code(
        node,
        lambda env, this: env.schema.children(parents(env, this), name),
        any_item=lambda env, this: env.schema.has_child(parents(env, this), name),
        parts=(source,),
    )


def _type_or_child(node: Member) -> Code:
    """`Patient.name` on a patient begins with the type of what it is applied to; elements begin with a small letter."""
    name = node.name

    def items(env: Environment, this: Items) -> Items:
        found: list[Any] = []
        for item in this:
            if type(item) is Element and _is_named(env, item, name):
                found.append(item)
            else:
                found.extend(env.schema.children((item,), name))
        return found

    return Code(node, items, uses=THIS)


def _is_named(env: Environment, element: Element, name: str) -> bool:
    model = env.schema.model
    return element.type == name or (
        model is not None and element.type != "" and model.is_subtype(element.type, name)
    )


def _index(node: Index) -> Code:
    source, index = compile_node(node.source), compile_node(node.index)

    def items(env: Environment, this: Items) -> Items:
        place = one_integer(index.items(env, this))
        return EMPTY if place is None or place < 0 else source.items(env, this)[place : place + 1]

    return Code(node, items, parts=(source, index))


def _call(node: Call) -> Code:
    function = FUNCTIONS.get(node.name)
    if function is None:
        raise FhirPathSyntaxError("The expression calls a function that does not exist.", at=node.at)
    if not function.least <= len(node.arguments) <= function.most:
        raise FhirPathSyntaxError(
            "The expression calls a function with a wrong number of arguments.", at=node.at
        )
    source = compile_node(node.source if node.source is not None else Special("this", node.at))
    arguments = tuple(_argument(node, argument) for argument in node.arguments)
    if not arguments and node.name in ("exists", "empty"):
        return _presence(node, source)
    parts, uses = (source, *arguments), frozenset[str]()
    if function.is_loop:
        parts, uses = (source,), frozenset().union(*(argument.uses for argument in arguments)) & {"total"}
    given = source.items
    try:
        if function.bind_predicate is not None:
            decide = function.bind_predicate(arguments)
            return of_truth(node, lambda env, this: decide(env, given(env, this), this), parts, uses)
        assert function.bind is not None
        operate = function.bind(arguments)
    except FhirPathError as failure:
        raise FhirPathSyntaxError(failure.text, at=node.at) from None
    return Code(node, lambda env, this: operate(env, given(env, this), this), parts=parts, uses=uses)


def _argument(call: Call, argument: Node) -> Code:
    return Code(argument, lambda env, this: EMPTY) if is_type_argument(call) else compile_node(argument)


def _presence(node: Call, source: Code) -> Code:
    """`exists()` and `empty()` without arguments need not collect what they ask for."""
    is_there = source.any
    if node.name == "exists":
        return of_truth(node, is_there, (source,))
    return of_truth(node, lambda env, this: not is_there(env, this), (source,))


def _unary(node: Unary) -> Code:
    return compile_unary(node, compile_node(node.operand))


def _binary(node: Binary) -> Code:
    return compile_binary(node, compile_node(node.left), compile_node(node.right))


def _type_test(node: TypeTest) -> Code:
    return compile_type_test(node, compile_node(node.operand))


_TRIVIAL: Final = (Empty, Literal, Variable)

_COMPILERS: Final[dict[type, Callable[..., Code]]] = {
    Empty: _empty,
    Literal: _literal,
    Variable: _variable,
    Special: _special,
    Member: _member,
    Index: _index,
    Call: _call,
    Unary: _unary,
    Binary: _binary,
    TypeTest: _type_test,
}
