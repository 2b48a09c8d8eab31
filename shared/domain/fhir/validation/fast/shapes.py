"""Objects checked by shape: which properties an object has is judged once, its values by a row of calls into C.

An object's shape is the tuple of its property names in their order. For each type the shapes that were found good are kept,
each with one check a property and the few rules that look at more than one value. Senders write a handful of shapes a type,
so that nearly every object costs a look-up and `all(map(call, checks, values))`.
"""

from __future__ import annotations

from operator import call
from typing import TYPE_CHECKING, Any, Final

from shared.domain.fhir.definitions.model import (
    Binding,
    Constraint,
    Element,
    Kind,
    TypeRef,
)
from shared.domain.fhir.definitions.reader import PackedDefinitions
from shared.domain.fhir.validation.fast import codes, links
from shared.domain.fhir.validation.fast.context import CONTEXT
from shared.domain.fhir.validation.fast.extensions import extension_rule
from shared.domain.fhir.validation.fast.invariants import Invariants
from shared.domain.fhir.validation.fast.known import MAX_VALUES
from shared.domain.fhir.validation.fast.narrative import is_plain_narrative
from shared.domain.fhir.validation.fast.plans import UNASKED, Learner, Plan
from shared.domain.fhir.validation.fast.primitives import Check, check_of

if TYPE_CHECKING:
    from shared.domain.fhir.validation.fast.resources import Resources
    from shared.domain.fhir.validation.fast.values import RemarksOnValues

_TEXTS: Final = frozenset(("system", "version", "code", "display"))
_HL7: Final = "http://hl7.org/fhir/StructureDefinition/"
_LONGEST_CODING: Final = 400
MAX_SHAPES: Final = 8192
"""Of all types together; then all are forgotten. Those in use are learnt again, at some twenty microseconds each."""


class Shapes:
    """The checks of all types, made when they are first needed."""

    def __init__(
        self, definitions: PackedDefinitions, resources: Resources, on_values: RemarksOnValues | None
    ) -> None:
        self.definitions = definitions
        self.invariants = Invariants(definitions)
        self.system_rule = codes.system_rule(definitions)
        self.extension_rule = extension_rule(definitions)
        self._resources = resources
        self._on_values = on_values
        self._checks: dict[Any, Check] = {}
        self._plans: list[dict[Any, Any]] = []
        self._count = 0

    def new_table(self) -> dict[Any, Any]:
        """A table of what is learnt of shapes, to be forgotten with all others when they are too many."""
        self._plans.append({})
        return self._plans[-1]

    def object_check(
        self,
        name: str,
        *,
        owner: str = "",
        binding: Binding | None = None,
        constraints: tuple[Constraint, ...] = (),
        targets: tuple[str, ...] = (),
    ) -> Check:
        """The check of objects of a type, as what its element asks of them beyond the type."""
        outer = name == "Extension" and owner != "Extension"
        key = (name, outer, binding, constraints, targets)
        check = self._checks.get(key)
        if check is None:
            check = self._checks[key] = self._new_check(name, outer, binding, constraints, targets)
        return check

    def _new_check(
        self,
        name: str,
        outer: bool,
        binding: Binding | None,
        constraints: tuple[Constraint, ...],
        targets: tuple[str, ...],
    ) -> Check:
        plans: dict[tuple[str, ...], Plan] = self.new_table()
        learner = Learner(self, self.definitions.type(name), outer, binding, constraints, targets)
        if name == "Coding" and binding is None and not constraints:
            return self._coding_check(plans, learner)
        return self._check_by(plans, learner)

    def _check_by(self, plans: dict[tuple[str, ...], Plan], learner: Learner) -> Check:
        if self._on_values is not None:
            return self._remarking_check(plans, learner, self._on_values)

        def check(value: dict[str, Any]) -> bool:
            try:
                checks, rules = plans[tuple(value)]
            except KeyError:
                plan = learner.plan(value)
                if plan is None:
                    return False
                checks, rules = plan
                self._remember(plans, tuple(value), plan)
            if not all(map(call, checks, value.values())):
                return False
            for rule in rules:  # noqa: SIM110 - a generator takes twice the time
                if not rule(value):
                    return False
            return True

        return check

    def _remarking_check(
        self, plans: dict[tuple[str, ...], Plan], learner: Learner, on_values: RemarksOnValues
    ) -> Check:
        """As `_check_by`, where a value that fails may be one that is merely remarked on."""

        def check(value: dict[str, Any]) -> bool:
            reading = CONTEXT.reading
            if reading.good is not None and id(value) in reading.good:
                return CONTEXT.note_again(reading.good[id(value)])
            before = len(CONTEXT.noted or ())
            plan = plans.get(tuple(value))
            if plan is None:
                plan = learner.plan(value)
                if plan is None:
                    return False
                self._remember(plans, tuple(value), plan)
            checks, rules = plan
            for name, holds in zip(value, map(call, checks, value.values()), strict=True):
                if not holds and not on_values.note(value, name, learner.name):
                    return False
            for rule in rules:
                if not rule(value):
                    return False
            if reading.good is not None:
                reading.newly_good[id(value)] = tuple(CONTEXT.noted[before:]) if CONTEXT.noted else ()
            return True

        return check

    def _coding_check(self, plans: dict[tuple[str, ...], Plan], learner: Learner) -> Check:
        """The commonest object of all, and the same ones over and over: those found good are kept whole."""
        good: set[tuple[Any, ...]] = set()
        judge = self._check_by(plans, learner)

        def check(value: dict[str, Any]) -> bool:
            shape = tuple(value)
            content = (shape, *value.values())
            try:
                if content in good:
                    return True
            except TypeError:  # extensions, which no set holds
                return bool(judge(value))
            before = len(CONTEXT.noted or ())
            if not judge(value):
                return False
            # Texts only: a number and a boolean would be equal in a set. And none that is remarked on.
            if (
                "system" in value
                and len(CONTEXT.noted or ()) == before
                and value.keys() <= _TEXTS
                and sum(map(len, value.values())) <= _LONGEST_CODING
            ):
                if len(good) >= MAX_VALUES:
                    good.clear()
                good.add(content)
            return True

        return check

    def _remember(self, plans: dict[tuple[str, ...], Plan], shape: tuple[str, ...], plan: Plan) -> None:
        if self._count >= MAX_SHAPES:
            for each in list(self._plans):
                each.clear()
            self._count = 0
        self._count += 1
        plans[shape] = plan

    def value_check(self, element: Element, reference: TypeRef, owner: str) -> Check:
        """The check of one value of an element, which may be one of several."""
        name = reference.name
        if name == "Resource":
            return self._resources.contained if element.name == "contained" else self._resources.inner
        if self.definitions.type(name).kind is Kind.PRIMITIVE:
            return self._primitive(element, reference)
        check = self.object_check(
            name,
            owner=owner,
            binding=element.binding,
            constraints=element.constraints,
            targets=reference.targets,
        )
        if element.name == "modifierExtension":
            # One that the specification defines is for the complete reading: it has two.
            return lambda value: not value["url"].startswith(_HL7) and check(value)
        return self._resources.entry(check) if name == "Bundle.entry" else check

    def _primitive(self, element: Element, reference: TypeRef) -> Check:
        checks: list[Check] = []
        if element.binding is not None:
            value_set = self.definitions.value_set(element.binding.value_set)
            members = codes.code_check(value_set) if value_set is not None else None
            if members is not None:
                checks.append(members)
        if reference.name == "canonical":
            checks.append(links.canonical_check(self.definitions, reference.targets))
        elif reference.name in ("uri", "url"):
            checks.append(links.uri_check(reference.name))
        elif reference.name == "xhtml":
            checks.append(is_plain_narrative)
        elif reference.name != "code" or not checks:
            checks.append(check_of(reference.name))
        checks += [
            self.invariants.rule(constraint, reference.name)
            for constraint in element.constraints
            if constraint.key not in UNASKED
        ]
        return checks[0] if len(checks) == 1 else _all_of(tuple(checks))


def _all_of(checks: tuple[Check, ...]) -> Check:
    return lambda value: all(check(value) for check in checks)
