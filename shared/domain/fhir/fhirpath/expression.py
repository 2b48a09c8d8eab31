"""Compiled expressions and their evaluation: the face of this library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeVar

from shared.domain.fhir.fhirpath.code import Code
from shared.domain.fhir.fhirpath.compiler import compile_node
from shared.domain.fhir.fhirpath.element import Element, Items, TypeInfo
from shared.domain.fhir.fhirpath.environment import MAX_STEPS, Environment, Membership, Resolver
from shared.domain.fhir.fhirpath.errors import FhirPathLimitError, FhirPathSyntaxError
from shared.domain.fhir.fhirpath.model import TypeModel
from shared.domain.fhir.fhirpath.navigation import Schema
from shared.domain.fhir.fhirpath.parser import parse
from shared.domain.fhir.fhirpath.syntax import Node
from shared.domain.fhir.fhirpath.variables import as_item

_NO_VARIABLES: Final[Mapping[str, Any]] = MappingProxyType({})
_T = TypeVar("_T")


class Expression:
    """A compiled expression: safe to keep and to evaluate from several threads.

    `text` is what was compiled, `tree` its syntax tree, `code` what `Evaluation` runs.
    """

    __slots__ = ("code", "text", "tree")

    def __init__(self, text: str, tree: Node, code: Code) -> None:
        self.text = text
        self.tree = tree
        self.code = code

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def evaluate(
        self,
        focus: Any,
        *,
        resource: Any = None,
        root: Any = None,
        variables: Mapping[str, Any] | None = None,
        model: TypeModel | None = None,
        resolve: Resolver | None = None,
        type_name: str = "",
        now: datetime | None = None,
        member_of: Membership | None = None,
    ) -> list[Any]:
        """The values that the expression selects: JSON values, and FHIRPath's own; elements without value are left out.

        `focus` is a JSON value of type `type_name` (a resource tells its own), or an `Element`. `resource` is what
        `%resource` names, by default the focus where that is a resource; `root` what `%rootResource` names, by default the
        same. `resolve` finds what a reference names, `member_of` whether a value is in a value set, `now` is the
        instant of `now()`. Raises FhirPathError where the specification has an error.
        """
        this = _focus(focus, type_name)
        env = _environment(
            focus, this, resource, root, variables, model=model, resolve=resolve, now=now, member_of=member_of
        )
        found = guarded(self.code.items, env, this)
        values = [item.value if type(item) is Element else item for item in found]
        return [_plain(value) for value in values if value is not None]

    def elements(
        self,
        focus: Any,
        *,
        resource: Any = None,
        root: Any = None,
        variables: Mapping[str, Any] | None = None,
        model: TypeModel | None = None,
        resolve: Resolver | None = None,
        type_name: str = "",
        now: datetime | None = None,
        member_of: Membership | None = None,
    ) -> Items:
        """As `evaluate`, with each item of FHIR data as an `Element`, which tells its type and its siblings."""
        this = _focus(focus, type_name)
        env = _environment(
            focus, this, resource, root, variables, model=model, resolve=resolve, now=now, member_of=member_of
        )
        return guarded(self.code.items, env, this)

    def is_true(
        self,
        focus: Any,
        *,
        resource: Any = None,
        root: Any = None,
        variables: Mapping[str, Any] | None = None,
        model: TypeModel | None = None,
        resolve: Resolver | None = None,
        type_name: str = "",
        now: datetime | None = None,
        member_of: Membership | None = None,
        on_steps: Callable[[int], None] | None = None,
    ) -> bool:
        """Whether an invariant holds: the result is the boolean true, or a single item that is no boolean.

        An empty result does not hold: HL7's validator has it so (`FHIRPathEngine.convertToBoolean`), and R4's invariants
        count on `implies`, which is true where its premise is empty and its conclusion true, and empty where neither tells.
        `on_steps` hears how many steps it took, where it took any that depend on data.
        """
        this = _focus(focus, type_name)
        env = _environment(
            focus, this, resource, root, variables, model=model, resolve=resolve, now=now, member_of=member_of
        )
        holds = guarded(self.code.truth, env, this) is True
        if on_steps is not None and env.steps_left < MAX_STEPS:
            on_steps(MAX_STEPS - env.steps_left)
        return holds


def guarded(evaluate: Callable[[Environment, Items], _T], env: Environment, this: Items) -> _T:
    """What `evaluate` gives; a stack that runs out is an error of the expression."""
    try:
        return evaluate(env, this)
    except RecursionError:
        raise FhirPathLimitError("Evaluating the expression takes more stack than there is.") from None


def _focus(focus: Any, type_name: str) -> Items:
    return (
        [as_item(one, type_name) for one in focus]
        if isinstance(focus, list)
        else (as_item(focus, type_name),)
    )


def _environment(
    focus: Any,
    this: Items,
    resource: Any,
    root: Any,
    variables: Mapping[str, Any] | None,
    *,
    model: TypeModel | None,
    resolve: Resolver | None,
    now: datetime | None,
    member_of: Membership | None,
) -> Environment:
    if resource is None and isinstance(focus, dict | Element):
        resource = focus
    root = resource if root is None else root
    return Environment(
        schema_of(model), this, resource, root, variables or _NO_VARIABLES, resolve, member_of, now
    )


@lru_cache(maxsize=8)
def schema_of(model: TypeModel | None) -> Schema:
    """One schema for each model, which keeps what it learnt."""
    return Schema(model)


def _plain(value: Any) -> Any:
    return {"namespace": value.namespace, "name": value.name} if type(value) is TypeInfo else value


@lru_cache(maxsize=4096)
def compile(text: str) -> Expression:  # noqa: A001 - the word that re and the specification's libraries use
    """The expression that `text` writes. Raises FhirPathSyntaxError with the place of a mistake."""
    try:
        tree = parse(text)
        return Expression(text, tree, compile_node(tree))
    except RecursionError:
        raise FhirPathSyntaxError("The expression is nested deeper than this program's stack.") from None
