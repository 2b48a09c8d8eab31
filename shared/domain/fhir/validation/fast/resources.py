"""Whether a whole resource is plainly valid: its own object, what it contains and, in a Bundle, its entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from shared.domain.fhir.definitions.model import Element, TypeRef
from shared.domain.fhir.definitions.reader import PackedDefinitions
from shared.domain.fhir.outcome import FAILURES, Issue
from shared.domain.fhir.validation.bundle_index import BundleIndex, index_of
from shared.domain.fhir.validation.fast.context import CONTEXT, Reading, note
from shared.domain.fhir.validation.fast.invariants import warning
from shared.domain.fhir.validation.fast.plans import RECOMMENDED_NARRATIVE
from shared.domain.fhir.validation.fast.primitives import Check
from shared.domain.fhir.validation.fast.profiles import ProfileRules
from shared.domain.fhir.validation.fast.remarks import Remark, Stage, after_elements
from shared.domain.fhir.validation.fast.shapes import Shapes
from shared.domain.fhir.validation.fast.values import RemarksOnValues

_DEFINING: Final = frozenset(
    {
        "CapabilityStatement",
        "CodeSystem",
        "Questionnaire",
        "SearchParameter",
        "StructureDefinition",
        "ValueSet",
    }
)
"""What the specification asks of these in words beyond the address that all definitions have."""


class Resources:
    """The checks of resources. Safe to use from several threads: what a reading notes is its thread's own.

    `remarks_on_values` makes checks that note what is to be remarked on single values, at twice the time.
    """

    def __init__(self, definitions: PackedDefinitions, *, remarks_on_values: bool = False) -> None:
        self._shapes = Shapes(definitions, self, RemarksOnValues(definitions) if remarks_on_values else None)
        self._profiles = ProfileRules(definitions)
        self._checks: dict[str, Check] = {}
        self._element_checks: dict[tuple[str, str, str], Check] = {}
        self._narratives: dict[str, list[tuple[int, Callable[[str, str], list[Issue]]]]] = {}

    def is_plain(self, resource: Any, bundle: BundleIndex | None = None, full_url: str = "") -> bool:
        """Whether a resource that is not contained is valid beyond doubt. What is no FHIR may raise TypeError and others."""
        name = resource["resourceType"]
        check = self._check(name)
        if check is None:
            return False
        own = index_of(resource) if name == "Bundle" else bundle
        contained = resource.get("contained")
        by_id = {each["id"]: each for each in contained} if contained else None
        outer, reading = CONTEXT.reading, Reading(resource, resource, by_id, own, full_url)
        CONTEXT.reading = reading
        try:
            if not check(resource) or (contained and not _is_well_contained(contained, reading)):
                return False
        finally:
            CONTEXT.reading = outer
        if reading.has_element_ids and not _has_distinct_ids(
            (resource, *(contained or ())), self._shapes.definitions
        ):
            return False
        return self._is_plain_beyond_its_type(resource, name, own)

    def _is_plain_beyond_its_type(
        self, resource: dict[str, Any], name: str, bundle: BundleIndex | None
    ) -> bool:
        definitions = self._shapes.definitions
        if _defines(resource) and not _is_well_defined(resource, definitions):
            return False
        if name == "QuestionnaireResponse" and not _answers_its_questions(resource):
            return False
        if CONTEXT.best_practice and "text" not in resource and not self._note_narrative(resource, name):
            return False
        if not _note_profiles(resource, self._profiles.issues(resource)):
            return False
        return name != "Bundle" or bundle is None or _holds_together(resource, bundle)

    def _note_narrative(self, resource: dict[str, Any], name: str) -> bool:
        """dom-6: a resource should have a narrative; it is not asked of contained ones."""
        remark = self._narratives.get(name)
        if remark is None:
            constraints = self._shapes.definitions.type(name).constraints
            remark = self._narratives[name] = [
                (place, partial(warning, constraint))
                for place, constraint in enumerate(constraints)
                if constraint.key == RECOMMENDED_NARRATIVE
            ]
        return all(
            note(Remark(resource, after_elements(Stage.OWN_INVARIANT, place), issues))
            for place, issues in remark
        )

    def inner(self, resource: Any) -> bool:
        """The check of a resource in a Bundle's entry or in Parameters."""
        reading = CONTEXT.reading
        if reading.good is None:
            return self.is_plain(resource, reading.bundle, reading.full_url)
        if id(resource) in reading.good:
            return CONTEXT.note_again(reading.good[id(resource)])
        before = len(CONTEXT.noted or ())
        holds = self.is_plain(resource, reading.bundle, reading.full_url)
        if holds:
            reading.newly_good[id(resource)] = tuple(CONTEXT.noted[before:]) if CONTEXT.noted else ()
        return holds

    def contained(self, resource: Any) -> bool:
        """The check of one contained resource, asked in their order."""
        reading = CONTEXT.reading
        check = self._check(resource["resourceType"])
        if check is None or "contained" in resource:
            return False
        if self._profiles.concern(resource) and not self._claims_unknown_profiles(resource):
            return False
        if _defines(resource) and not _is_well_defined(resource, self._shapes.definitions):
            return False
        reading.contained_index += 1
        reading.resource, reading.is_in_contained = resource, True
        holds = check(resource)
        reading.resource, reading.is_in_contained = reading.root, False
        return bool(holds)

    def _claims_unknown_profiles(self, resource: dict[str, Any]) -> bool:
        """Whether no profile has more to say of a contained resource than that it is not loaded; that is noted."""
        issues = self._profiles.issues(resource)
        if resource["resourceType"] == "Observation" or len(issues) != len(resource["meta"]["profile"]):
            return False
        return all(issue.rule == "profile:not-loaded" for issue in issues) and _note_profiles(
            resource, issues
        )

    def element_check(self, element: Element, reference: TypeRef, owner: str) -> Check:
        """The check of one object that is this element of a type, where nothing is contained."""
        key = (owner, element.name, reference.name)
        check = self._element_checks.get(key)
        if check is None:
            check = self._element_checks[key] = self._shapes.value_check(element, reference, owner)
        return check

    def entry(self, check: Check) -> Check:
        """The check of a Bundle's entry, whose references are read by its fullUrl."""

        def entry_check(entry: Any) -> bool:
            CONTEXT.reading.full_url = entry.get("fullUrl", "")
            return bool(check(entry))

        return entry_check

    def _check(self, name: str) -> Check | None:
        check = self._checks.get(name)
        if check is None and name in self._shapes.definitions.resource_types:
            check = self._checks[name] = self._shapes.object_check(name)
        return check


def _note_profiles(resource: dict[str, Any], issues: list[Issue]) -> bool:
    """Notes what profiles say of a resource; False where it is an error."""
    if not issues:
        return True
    if any(issue.severity in FAILURES for issue in issues):
        return False
    stage = after_elements(Stage.PROFILE)
    return note(Remark(resource, stage, lambda path, _: [each.prefixed(path) for each in issues]))


def _defines(resource: dict[str, Any]) -> bool:
    return "url" in resource or resource["resourceType"] in _DEFINING


# What few resources are asked is imported with the first of them: a function that starts cold does not wait for it.


def _has_distinct_ids(resources: Iterable[dict[str, Any]], definitions: PackedDefinitions) -> bool:
    from shared.domain.fhir.validation.element_ids import element_id_issues

    return not any(any(element_id_issues(each, definitions, "")) for each in resources)


def _holds_together(resource: dict[str, Any], bundle: BundleIndex) -> bool:
    from shared.domain.fhir.validation.bundles import bundle_issues

    return not any(bundle_issues(resource, bundle))


def _is_well_defined(resource: dict[str, Any], definitions: PackedDefinitions) -> bool:
    from shared.domain.fhir.validation.definitional import (
        MAX_EXPRESSIONS,
        definitional_issues,
        expressions_compiled,
    )

    if CONTEXT.compiled_before is None:
        CONTEXT.compiled_before = expressions_compiled()
    if expressions_compiled() - CONTEXT.compiled_before > MAX_EXPRESSIONS:
        return False
    return not any(definitional_issues(resource, definitions, ""))


def _answers_its_questions(response: dict[str, Any]) -> bool:
    from shared.domain.fhir.validation.questionnaire_answers import response_issues

    return not any(response_issues(response, ""))


def _is_well_contained(contained: list[dict[str, Any]], reading: Reading) -> bool:
    """https://hl7.org/fhir/R4/domainresource.html: dom-3 to dom-5, and each id once."""
    assert reading.contained is not None
    if len(reading.contained) != len(contained):
        return False
    for index, resource in enumerate(contained):
        if resource["id"] not in reading.used and index not in reading.referring_back:
            return False
        meta = resource.get("meta")
        if meta and not meta.keys().isdisjoint(("versionId", "lastUpdated", "security")):
            return False
    return True
