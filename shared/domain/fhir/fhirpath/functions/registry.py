"""Where functions are found by name, and how they take their arguments."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec

from shared.domain.fhir.fhirpath.code import Code, as_items
from shared.domain.fhir.fhirpath.element import Element, Items, system_value
from shared.domain.fhir.fhirpath.environment import Environment
from shared.domain.fhir.fhirpath.errors import FhirPathError

Operation: TypeAlias = Callable[[Environment, Items, Items], Items]
"""A function with its arguments bound: environment, input collection, `$this` of the place where it is called."""
Predicate: TypeAlias = Callable[[Environment, Items, Items], bool | None]
Arguments: TypeAlias = tuple[Code, ...]


class Function(msgspec.Struct, frozen=True):
    """`bind` makes an operation of the compiled arguments, of which there must be `least` to `most`.

    `is_loop`: the arguments are evaluated with each item as `$this` and its place as `$index`, and not where it is called.
    """

    least: int
    most: int
    bind: Callable[[Arguments], Operation] | None = None
    bind_predicate: Callable[[Arguments], Predicate] | None = None
    is_loop: bool = False


FUNCTIONS: Final[dict[str, Function]] = {}


def function(
    name: str, least: int = 0, most: int | None = None, *, is_loop: bool = False
) -> Callable[[Callable[[Arguments], Operation]], Callable[[Arguments], Operation]]:
    """Registers what binds arguments to an operation."""

    def register(bind: Callable[[Arguments], Operation]) -> Callable[[Arguments], Operation]:
        FUNCTIONS[name] = Function(least, least if most is None else most, bind=bind, is_loop=is_loop)
        return bind

    return register


def predicate(
    name: str, least: int = 0, most: int | None = None, *, is_loop: bool = False
) -> Callable[[Callable[[Arguments], Predicate]], Callable[[Arguments], Predicate]]:
    """Registers what binds arguments to an operation whose result is a boolean or empty."""

    def register(bind: Callable[[Arguments], Predicate]) -> Callable[[Arguments], Predicate]:
        FUNCTIONS[name] = Function(
            least, least if most is None else most, bind_predicate=bind, is_loop=is_loop
        )
        return bind

    return register


def of_value(name: str) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Registers a function of one own value without arguments; empty gives empty, None gives empty."""

    def register(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def operate(_env: Environment, items: Items, _this: Items) -> Items:
            value = one_value(items)
            return () if value is None else one_item(convert(value))

        FUNCTIONS[name] = Function(0, 0, bind=lambda _: operate)
        return convert

    return register


def one_item(value: Any) -> Items:
    """`value` as a collection; None is the empty one."""
    return as_items(value) if value is None or isinstance(value, bool) else (value,)


def one(items: Items) -> Any:
    """The only item, None where there is none. Raises FhirPathError for several."""
    if not items:
        return None
    if len(items) > 1:
        raise FhirPathError("A function that takes a single value is given several.")
    return items[0]


def one_value(items: Items) -> Any:
    """As `one`, as a value of FHIRPath's own types."""
    return system_value(one(items))


def one_text(items: Items) -> str | None:
    """As `one`, which must be text: an element's JSON text, whatever its type, or an own string."""
    item = one(items)
    if item is None:
        return None
    value = item.value if type(item) is Element else item
    if value is not None and not isinstance(value, str):
        raise FhirPathError("A function that takes text is given something else.")
    return value


def one_integer(items: Items) -> int | None:
    """As `one`, which must be a whole number."""
    value = one_value(items)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise FhirPathError("A function that takes a whole number is given something else.")
    return value


def one_number(items: Items) -> int | Decimal | None:
    """As `one`, which must be a number."""
    value = one_value(items)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | Decimal)):
        raise FhirPathError("A function that takes a number is given something else.")
    return value
