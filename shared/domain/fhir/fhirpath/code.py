"""A compiled part of an expression: closures for its items, its truth and whether it is there at all.

Each closure takes the environment and `$this`. Nothing asks for the kind of a syntax node once it is compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias, TypeVar

from shared.domain.fhir.fhirpath.element import EMPTY, FALSE, TRUE, Element, Items
from shared.domain.fhir.fhirpath.environment import Environment
from shared.domain.fhir.fhirpath.errors import FhirPathError
from shared.domain.fhir.fhirpath.syntax import Node

Evaluate: TypeAlias = Callable[[Environment, Items], Items]
Decide: TypeAlias = Callable[[Environment, Items], bool | None]
_T = TypeVar("_T")


class Code:
    """`items` gives the collection, `truth` its one boolean (None: empty), `any` whether it has items.

    `uses` tells which of `this`, `index` and `total` it reads: with none of them it is the same throughout an evaluation.
    """

    __slots__ = ("any", "items", "node", "parts", "truth", "uses")

    def __init__(
        self,
        node: Node,
        items: Evaluate,
        *,
        truth: Decide | None = None,
        any_item: Decide | None = None,
        parts: tuple[Code, ...] = (),
        uses: frozenset[str] = frozenset(),
    ) -> None:
        self.node = node
        self.items = items
        self.truth: Decide = truth or (lambda env, this: boolean(items(env, this)))
        self.any: Decide = any_item or (lambda env, this: bool(items(env, this)))
        self.parts = parts
        self.uses: frozenset[str] = uses.union(*(part.uses for part in parts))


THIS: Final = frozenset({"this"})


def of_truth(node: Node, truth: Decide, parts: tuple[Code, ...], uses: frozenset[str] = frozenset()) -> Code:
    """The code of something that is a boolean, or empty, by its nature."""

    def items(env: Environment, this: Items) -> Items:
        return as_items(truth(env, this))

    return Code(node, items, truth=truth, parts=parts, uses=uses)


def kept(code: Code, name: str) -> Code:
    """`code`, computed once in each evaluation; codes of the same `name` are the same expression."""
    items, truth, any_item = code.items, code.truth, code.any

    def kept_items(env: Environment, this: Items) -> Items:
        found = env.kept.get(name)
        if found is None:
            found = env.kept[name] = items(env, this)
        return found

    def kept_truth(env: Environment, this: Items) -> bool | None:
        if name not in env.kept_truths:
            env.kept_truths[name] = truth(env, this)
        return env.kept_truths[name]

    def kept_any(env: Environment, this: Items) -> bool | None:
        return bool(env.kept[name]) if name in env.kept else any_item(env, this)

    return Code(code.node, kept_items, truth=kept_truth, any_item=kept_any, parts=code.parts)


def as_items(truth: bool | None) -> Items:
    """True, false or nothing as a collection."""
    return EMPTY if truth is None else TRUE if truth else FALSE


def boolean(items: Items) -> bool | None:
    """A collection where a boolean is expected: http://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections"""
    if not items:
        return None
    if len(items) > 1:
        raise FhirPathError("A single value is expected where the expression gives several.")
    item = items[0]
    value = item.value if type(item) is Element else item
    return value if isinstance(value, bool) else True


def for_each(code: Code) -> Callable[[Environment, Items], list[Items]]:
    """Evaluates `code` with each item as `$this`."""
    return _loop(code.items, uses_index="index" in code.uses)


def for_each_truth(code: Code) -> Callable[[Environment, Items], list[bool | None]]:
    """Decides `code` with each item as `$this`."""
    return _loop(code.truth, uses_index="index" in code.uses)


def _loop(
    evaluate: Callable[[Environment, Items], _T], *, uses_index: bool
) -> Callable[[Environment, Items], list[_T]]:
    def plain(env: Environment, items: Items) -> list[_T]:
        env.spend(len(items))
        return [evaluate(env, (item,)) for item in items]

    def indexed(env: Environment, items: Items) -> list[_T]:
        env.spend(len(items))
        outer, results = env.index, []
        for env.index, item in enumerate(items):
            results.append(evaluate(env, (item,)))
        env.index = outer
        return results

    return indexed if uses_index else plain
