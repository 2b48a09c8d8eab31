"""Whether an extension that the specification defines is as its definition says; others are anyone's.

https://hl7.org/fhir/R4/extensibility.html
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from shared.domain.fhir import fhirpath
from shared.domain.fhir.definitions.model import Constraint, Strength
from shared.domain.fhir.definitions.reader import PackedDefinitions
from shared.domain.fhir.outcome import Issue
from shared.domain.fhir.validation.errata import expression_of, strength_of
from shared.domain.fhir.validation.fast.context import CONTEXT, note
from shared.domain.fhir.validation.fast.known import MAX_VALUES, Known
from shared.domain.fhir.validation.fast.primitives import Check
from shared.domain.fhir.validation.fast.remarks import Remark, Stage, after_elements
from shared.domain.fhir.validation.known_extensions import is_unknown, unknown_extension
from shared.domain.fhir.validation.modifiers import MODIFIERS

if TYPE_CHECKING:
    from shared.domain.fhir.validation.profiles.instance import Item
    from shared.domain.fhir.validation.profiles.model import Node

_DEFINED, _UNKNOWN = "defined", "unknown"


def extension_rule(definitions: PackedDefinitions) -> Check:
    """The rule of an Extension as a whole. Few extensions of real data are the specification's: most cost one look-up."""

    def standing(url: str) -> str | None:
        if definitions.structure_definition(url) is not None:
            return _DEFINED
        return _UNKNOWN if is_unknown(url, definitions) else None

    def holds(constraint: Constraint, item: Item) -> bool:
        focus = fhirpath.Element(item.value, item.type_name, item.sibling)
        expression = fhirpath.compile(expression_of(constraint))
        return expression.is_true(focus, resource=CONTEXT.reading.resource, model=definitions)

    def remarked(path: str, _: str) -> list[Issue]:
        return [unknown_extension(path)]

    standings = Known(standing)
    good: set[Any] = set()

    def rule(extension: dict[str, Any]) -> bool:
        url = extension["url"]
        known = standings[url]
        if known is None:
            return True
        if known is _UNKNOWN:
            return note(Remark(extension, after_elements(Stage.VALUE), remarked))
        if url in MODIFIERS:
            return False  # where they stand is for the complete reading to say
        look = _look(extension) if _asks_for_names_only(url) else None
        if look in good:
            return True
        from shared.domain.fhir.validation.profiles.apply import extension_issues

        if extension_issues(extension, "", definitions, holds):
            return False
        if look is not None and len(good) < MAX_VALUES:
            good.add(look)
        return True

    return rule


def _look(extension: dict[str, Any]) -> Any:
    """The names in an extension, and in those that it holds."""
    return (extension["url"], *extension, *map(_look, extension.get("extension", ())))


@lru_cache(maxsize=512)
def _asks_for_names_only(url: str) -> bool:
    """Whether all that a definition asks of an extension, beyond its base type, is which properties it has."""
    from shared.domain.fhir.validation.profiles.registry import r4_profiles

    profile = r4_profiles().get(url)
    return profile is not None and profile.is_complete and _is_bare(profile.root)


def _is_bare(node: Node) -> bool:
    is_bound = node.binding is not None and strength_of(node.binding) is not Strength.PREFERRED
    if is_bound or node.constraints or node.pattern is not None:
        return False
    if any(each.profiles or each.targets for each in node.types):
        return False
    if (node.fixed is not None and node.name != "url") or (node.slices and node.name != "extension"):
        return False
    below = (*node.children.values(), *node.slices.values())
    return all(each.name in _PARTS and _is_bare(each) for each in below)


_PARTS: Final = ("extension", "url", "value")
