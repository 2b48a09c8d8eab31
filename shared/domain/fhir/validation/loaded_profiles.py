"""Rules that know more profiles than the base specification's: those a caller has loaded, and any he asks of each resource.

https://hl7.org/fhir/R4/profiling.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from shared.domain.fhir import fhirpath
from shared.domain.fhir.definitions.model import Constraint
from shared.domain.fhir.outcome import Issue
from shared.domain.fhir.validation.bundle_index import entries_of
from shared.domain.fhir.validation.errata import expression_of
from shared.domain.fhir.validation.profiles.apply import profile_issues
from shared.domain.fhir.validation.profiles.instance import Item
from shared.domain.fhir.validation.profiles.registry import Profiles
from shared.domain.fhir.validation.report import Rules

NOT_LOADED: Final = "profile:not-loaded"


class ProfiledRules:
    """The findings of `rules`, and those of loaded profiles that a resource claims or that are `asked` of its type.

    The resources in a Bundle's entries are held against them too.
    """

    def __init__(self, rules: Rules, profiles: Profiles, asked: Sequence[str] = ()) -> None:
        self._rules = rules
        self._profiles = profiles
        self._asked = [profile for url in asked if (profile := profiles.get(url)) is not None]

    def validate(self, resource: dict[str, Any]) -> list[Issue]:
        """All findings: those of the profiles stand after the others."""
        found = self._rules.validate(resource)
        added: list[Issue] = []
        for path, each in _resources(resource):
            added += [issue.prefixed(path) for issue in self._issues(each)]
        settled = {issue.expression for issue in found if issue.rule == NOT_LOADED} - {
            issue.expression for issue in added if issue.rule == NOT_LOADED
        }
        kept = [issue for issue in found if issue.rule != NOT_LOADED or issue.expression not in settled]
        return list(dict.fromkeys((*kept, *added)))

    def _issues(self, resource: dict[str, Any]) -> list[Issue]:
        meta = resource.get("meta")
        claimed = meta.get("profile", []) if isinstance(meta, dict) else []
        claims = [*claimed] if isinstance(claimed, list) else []
        claims += [
            profile.url
            for profile in self._asked
            if profile.type_name == resource.get("resourceType") and profile.url not in claims
        ]
        if not claims:
            return []

        def holds(constraint: Constraint, item: Item) -> bool:
            focus = fhirpath.Element(item.value, item.type_name, item.sibling)
            try:
                expression = fhirpath.compile(expression_of(constraint))
                return expression.is_true(focus, resource=resource, model=self._profiles.definitions)
            except fhirpath.FhirPathError:
                return True

        claiming = {**resource, "meta": {**(meta if isinstance(meta, dict) else {}), "profile": claims}}
        return profile_issues(claiming, self._profiles.definitions, holds, self._profiles)


def _resources(resource: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    type_ = str(resource.get("resourceType"))
    yield type_, resource
    if type_ == "Bundle":
        for position, entry in entries_of(resource):
            if isinstance(entry.get("resource"), dict):
                yield f"Bundle.entry[{position}].resource", entry["resource"]
