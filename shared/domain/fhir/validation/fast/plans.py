"""What is asked of an object that has certain properties: judged once for a shape, from the definition of its type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared.domain.fhir.definitions.model import Binding, Constraint, Element, Kind, TypeDefinition, TypeRef
from shared.domain.fhir.fhirpath import compile as compile_expression
from shared.domain.fhir.validation.attachments import attachment_issue
from shared.domain.fhir.validation.errata import expression_of
from shared.domain.fhir.validation.explain.invariants import JUDGED_BY_READING
from shared.domain.fhir.validation.fast import codes, links
from shared.domain.fhir.validation.fast.arrays import many, repeated_pair, single_pair
from shared.domain.fhir.validation.fast.context import CONTEXT
from shared.domain.fhir.validation.fast.primitives import Check
from shared.domain.fhir.validation.fast.remarks import Stage
from shared.domain.fhir.validation.fast.settled import surely_holds
from shared.domain.fhir.validation.identifiers import identifier_issue
from shared.domain.fhir.validation.primitives import is_absolute

if TYPE_CHECKING:
    from shared.domain.fhir.validation.fast.shapes import Shapes

Plan = tuple[tuple[Check, ...], tuple[Check, ...]]
"""A check for each property's value, in their order, and the rules that look at the whole object."""

RECOMMENDED_NARRATIVE: Final = "dom-6"
UNASKED: Final = JUDGED_BY_READING | {RECOMMENDED_NARRATIVE}
"""Invariants that are judged here by code as the slow reading does, and the one that recommends a narrative."""
QUANTITIES: Final = frozenset(
    {"Quantity", "SimpleQuantity", "MoneyQuantity", "Age", "Count", "Distance", "Duration"}
)


def _anything(_: object) -> bool:
    return True


def _notes_its_id(_: object) -> bool:
    CONTEXT.reading.has_element_ids = True
    return True


class Learner:
    """Judges shapes of one type."""

    def __init__(
        self,
        shapes: Shapes,
        definition: TypeDefinition,
        outer: bool,
        binding: Binding | None,
        constraints: tuple[Constraint, ...],
        targets: tuple[str, ...],
    ) -> None:
        self.name = definition.name
        self._shapes = shapes
        self._definition = definition
        self._outer = outer
        self._binding = binding
        own = [
            (constraint, Stage.OWN_INVARIANT, place)
            for place, constraint in enumerate(definition.constraints)
        ]
        own += [(constraint, Stage.OUTER_INVARIANT, place) for place, constraint in enumerate(constraints)]
        self._constraints = [each for each in own if each[0].key not in UNASKED]
        self._allowed = (
            links.allowed_types(shapes.definitions, targets)
            if definition.name == "Reference"
            else frozenset()
        )
        self._by_names: dict[frozenset[str], tuple[dict[str, Check], tuple[Check, ...]]] = shapes.new_table()
        self._known = {
            name: (element, reference)
            for element in definition.elements.values()
            for name, reference in element.properties.items()
        }

    def plan(self, value: Any) -> Plan | None:
        """The plan for objects with the properties of `value`; None where no such object is plainly valid.

        Properties in another order are asked the same: some senders write each object in an order of its own.
        """
        if type(value) is not dict or not value:
            return None
        names = frozenset(value)
        known = self._by_names.get(names)
        if known is not None:
            checks, rules = known
            return tuple(map(checks.__getitem__, value)), rules
        plan = self._new_plan(value)
        if plan is not None:
            self._by_names[names] = dict(zip(value, plan[0], strict=True)), plan[1]
        return plan

    def _new_plan(self, value: dict[str, Any]) -> Plan | None:
        if (
            value.keys() == {"id"} and self.name != "Element"
        ):  # ele-1; beside a primitive's value an id is enough
            return None
        rules: list[Check] = []
        checks = [self._property(name, value, rules) for name in value]
        present = self._present(value)
        if None in checks or present is None or not self._is_complete(present):
            return None
        if not self._add_own_rules(value, rules):
            return None
        for constraint, stage, place in self._constraints:
            tree = compile_expression(expression_of(constraint)).tree
            if not surely_holds(tree, present, self._definition.name):
                rules.append(
                    self._shapes.invariants.object_rule(constraint, self._definition.name, stage, place)
                )
        return tuple(check for check in checks if check is not None), tuple(rules)

    def _present(self, value: dict[str, Any]) -> set[str] | None:
        """The elements there; None where a choice is made twice."""
        forms: dict[str, str] = {}
        for name in value:
            bare = name if name in self._known else name[1:]
            if bare in self._known and forms.setdefault(self._known[bare][0].name, bare) != bare:
                return None
        return set(forms)

    def _is_complete(self, present: set[str]) -> bool:
        elements = self._definition.elements
        return all(name in present for name, element in elements.items() if element.low > 0)

    def _property(self, name: str, value: dict[str, Any], rules: list[Check]) -> Check | None:
        """The check of one property; None where the type has no such property."""
        if name == "resourceType" and self._definition.kind is Kind.RESOURCE:
            return frozenset({self._definition.name}).__contains__
        is_sibling = name not in self._known
        if is_sibling and (name[:1] != "_" or name[1:] not in self._known):
            return None
        element, reference = self._known[name[1:] if is_sibling else name]
        if element.high == 0:
            return None
        if name == "reference" and self._definition.name == "Reference":
            return None if "_reference" in value else links.reference_check(self._allowed)
        one = self._shapes.value_check(element, reference, self._definition.name)
        sibling = name if is_sibling else f"_{name}"
        if sibling in value:
            return self._with_sibling(element, reference, one, name, rules)
        return many(one, element.high) if element.is_array else one

    def _with_sibling(
        self,
        element: Element,
        reference: TypeRef,
        one: Check,
        name: str,
        rules: list[Check],
    ) -> Check | None:
        """The check of a primitive with its `_` property: one rule, of the latter, looks at both."""
        kind = self._shapes.definitions.type(reference.name).kind
        if kind is not Kind.PRIMITIVE or any(each.key not in UNASKED for each in element.constraints):
            return None
        extended = self._shapes.object_check("Element")
        if name not in self._known:
            pair = repeated_pair if element.is_array else single_pair
            rules.append(pair(name, one, extended, element.high))
        return _anything

    def _add_own_rules(self, value: dict[str, Any], rules: list[Check]) -> bool:
        """What the slow reading asks of a type beyond its definition; False where this shape cannot be plainly valid."""
        name = self._definition.name
        if "id" in value and self._definition.kind is not Kind.RESOURCE:
            rules.append(_notes_its_id)
        if name == "Extension":
            has_value = any(each.startswith(("value", "_value")) for each in value)
            if has_value == ("extension" in value):
                return False
            if self._outer:
                rules.append(lambda extension: is_absolute(extension.get("url", "")))
            rules.append(self._shapes.extension_rule)
        elif name == "Reference":
            return self._add_reference_rules(value, rules)
        elif name == "Coding":
            if "system" in value:
                rules.append(self._shapes.system_rule)
            elif "code" in value and "_system" not in value:
                rules.append(codes.coding_remark(self._shapes.definitions))
        elif name == "Identifier" and "system" in value:
            rules.append(lambda identifier: identifier_issue(identifier, "") is None)
        elif name == "Attachment" and "size" in value and "data" in value:
            rules.append(lambda attachment: attachment_issue(attachment, "") is None)
        elif name in QUANTITIES and "system" in value and "code" in value:
            rules.append(codes.unit_rule)
        return self._add_binding_rule(rules)

    def _add_reference_rules(self, value: dict[str, Any], rules: list[Check]) -> bool:
        allowed = self._allowed
        if "type" in value:
            rules.append(lambda reference: links.states_a_known_type(reference, allowed))
        return "reference" in value or not value.keys().isdisjoint(
            ("type", "identifier", "display", "extension", "_reference")
        )

    def _add_binding_rule(self, rules: list[Check]) -> bool:
        binding = self._binding
        value_set = self._shapes.definitions.value_set(binding.value_set) if binding else None
        if binding is not None and value_set is not None:
            rules.append(
                codes.binding_rule(binding, self._shapes.definitions, value_set, self._definition.name)
            )
        return True
