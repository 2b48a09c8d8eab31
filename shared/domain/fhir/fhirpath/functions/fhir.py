"""What FHIR adds to FHIRPath. https://hl7.org/fhir/R4/fhirpath.html#functions"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from shared.domain.fhir.fhirpath.element import EMPTY, Element, Items, resource_element
from shared.domain.fhir.fhirpath.environment import Environment
from shared.domain.fhir.fhirpath.errors import FhirPathError
from shared.domain.fhir.fhirpath.functions.registry import (
    FUNCTIONS,
    Arguments,
    Function,
    Operation,
    Predicate,
    function,
    one,
    one_text,
    predicate,
)
from shared.domain.fhir.fhirpath.quantity import Quantity

_BASE_PROFILE: Final = "http://hl7.org/fhir/StructureDefinition/"


@function("extension", 1)
def _extension(arguments: Arguments) -> Operation:
    def operate(env: Environment, items: Items, this: Items) -> Items:
        url = one_text(arguments[0].items(env, this))
        if not url or not items:
            return EMPTY
        extensions = env.schema.children(items, "extension")
        return [item for item in extensions if type(item.value) is dict and item.value.get("url") == url]

    return operate


@predicate("hasValue")
def _has_value(_: Arguments) -> Predicate:
    return lambda env, items, this: _value(items) is not None


@function("getValue")
def _get_value(_: Arguments) -> Operation:
    def operate(_env: Environment, items: Items, _this: Items) -> Items:
        value = _value(items)
        return EMPTY if value is None else (value,)

    return operate


def _value(items: Items) -> Any:
    """The value of the only item if that is a primitive."""
    if len(items) != 1:
        return None
    value = items[0].value if type(items[0]) is Element else items[0]
    return None if isinstance(value, dict | Quantity) else value


@function("resolve")
def _resolve(_: Arguments) -> Operation:
    """The resources that references, canonicals and URIs name: contained ones, then what the caller's resolver finds."""

    def operate(env: Environment, items: Items, _this: Items) -> Items:
        env.spend(len(items))
        found = (_target(env, item) for item in items)
        return [resource_element(resource) for resource in found if resource is not None]

    return operate


def _target(env: Environment, item: Any) -> dict[str, Any] | None:
    value = item.value if type(item) is Element else item
    reference = value.get("reference") if isinstance(value, dict) else value
    if not isinstance(reference, str):
        return None
    if reference.startswith("#"):
        return _contained(env, reference[1:])
    return env.resolve(reference) if env.resolve else None


def _contained(env: Environment, name: str) -> dict[str, Any] | None:
    root = env.root.value if isinstance(env.root, Element) else env.root
    if not isinstance(root, dict) or not name:
        return root if isinstance(root, dict) else None
    contained = root.get("contained")
    resources = contained if isinstance(contained, list) else []
    return next((one for one in resources if isinstance(one, dict) and one.get("id") == name), None)


@predicate("memberOf", 1)
def _member_of(arguments: Arguments) -> Predicate:
    def decide(env: Environment, items: Items, this: Items) -> bool | None:
        url = one_text(arguments[0].items(env, this))
        item = one(items)
        if item is None or url is None:
            return None
        if env.member_of is None:
            raise FhirPathError("memberOf() needs value sets, which the caller did not give.")
        return env.member_of(item.value if type(item) is Element else item, url)

    return decide


@predicate("htmlChecks")
def _html_checks(_: Arguments) -> Predicate:
    return lambda env, items, this: all(_is_safe(item) for item in items) if items else None


def _is_safe(item: Any) -> bool:
    from shared.domain.fhir.narrative import is_safe_narrative  # the validator reads narratives itself

    value = item.value if type(item) is Element else item
    return isinstance(value, str) and is_safe_narrative(value)


@predicate("conformsTo", 1)
def _conforms_to(arguments: Arguments) -> Predicate:
    """Of the base types alone: whether an item is of the type whose own definition is named."""

    def decide(env: Environment, items: Items, this: Items) -> bool | None:
        url, item = one_text(arguments[0].items(env, this)), one(items)
        if item is None or url is None:
            return None
        model = env.schema.model
        if model is None or not url.startswith(_BASE_PROFILE) or type(item) is not Element:
            raise FhirPathError(
                "conformsTo() is supported for elements and the base definitions of FHIR's types."
            )
        name = url.removeprefix(_BASE_PROFILE)
        if not env.schema.is_known(name):
            raise FhirPathError("conformsTo() names a definition that is not known.")
        return model.is_subtype(item.type, name)

    return decide


def _unsupported(name: str) -> Callable[[Arguments], Operation]:
    def bind(_: Arguments) -> Operation:
        def operate(_env: Environment, _items: Items, _this: Items) -> Items:
            raise FhirPathError(f"{name}() needs the definitions of profiles, and is not supported.")

        return operate

    return bind


for _name, _most in (("elementDefinition", 0), ("slice", 2), ("checkModifiers", 20)):
    FUNCTIONS[_name] = Function(0, _most, bind=_unsupported(_name))
