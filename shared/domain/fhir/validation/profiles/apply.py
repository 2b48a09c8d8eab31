"""Finds the profiles that a resource claims or its code chooses, and checks it against each.

https://hl7.org/fhir/R4/resource.html#profile-tags
"""

from __future__ import annotations

from typing import Any, Final

from shared.domain.fhir.definitions.model import Definitions
from shared.domain.fhir.outcome import Issue
from shared.domain.fhir.validation.profiles.check import EvaluateConstraint, Surroundings, check
from shared.domain.fhir.validation.profiles.instance import Item
from shared.domain.fhir.validation.profiles.model import Profile
from shared.domain.fhir.validation.profiles.registry import Profiles, r4_profiles

_CANONICAL: Final = "http://hl7.org/fhir/StructureDefinition/"


def concerns(resource: dict[str, Any], profiles: Profiles | None = None) -> bool:
    """Whether `profile_issues` has anything to look at: a claimed profile or a vital sign's code. Cheap."""
    meta = resource.get("meta")
    if isinstance(meta, dict) and "profile" in meta:
        return True
    return any((profiles or r4_profiles()).chosen_by_code(resource))


def profile_issues(
    resource: dict[str, Any],
    definitions: Definitions,
    evaluate_constraint: EvaluateConstraint,
    profiles: Profiles | None = None,
) -> list[Issue]:
    """What is wrong by the profiles of `meta.profile` and, for vital signs, of the LOINC code.

    Meant for a resource that its base type accepts; never raises for one that it does not. A profile that is not loaded
    is one `information`. Contained resources and entries are not entered: give each of them.
    """
    type_name = str(resource.get("resourceType"))
    if type_name not in definitions.resource_types:
        return []
    loaded = profiles or r4_profiles()
    issues: list[Issue] = []
    applying = {profile.url: profile for profile in loaded.chosen_by_code(resource)}
    for index, url in enumerate(_claimed(resource)):
        path = f"{type_name}.meta.profile[{index}]"
        profile = _claim(url, type_name, path, loaded, issues)
        if profile is not None:
            applying[profile.url] = profile
    around = _surroundings(resource, definitions, evaluate_constraint, loaded)
    for profile in applying.values():
        if len(applying) == 1 or not any(loaded.derives(other, profile.url) for other in applying.values()):
            issues += check(profile, Item(resource, type_name, type_name), around)
    return list(dict.fromkeys(issues))


def extension_issues(
    extension: dict[str, Any],
    path: str,
    definitions: Definitions,
    evaluate_constraint: EvaluateConstraint,
    profiles: Profiles | None = None,
) -> list[Issue]:
    """What is wrong with the extension at `path` by its own definition; nothing where that is not loaded."""
    loaded = profiles or r4_profiles()
    url = extension.get("url")
    definition = loaded.get(url) if isinstance(url, str) and "/" in url else None
    if definition is None or definition.type_name != "Extension":
        return []
    around = _surroundings({}, definitions, evaluate_constraint, loaded)
    return check(definition, Item(extension, "Extension", path), around)


def _surroundings(
    resource: dict[str, Any], definitions: Definitions, evaluate: EvaluateConstraint, loaded: Profiles
) -> Surroundings:
    return Surroundings(
        definitions=definitions,
        instances=loaded.instances,
        slices=loaded.slices,
        evaluate=evaluate,
        profile_of=loaded.get,
        contained_types=_contained_types(resource),
    )


def _claimed(resource: dict[str, Any]) -> list[str]:
    meta = resource.get("meta")
    claimed = meta.get("profile") if isinstance(meta, dict) else None
    return [url if isinstance(url, str) else "" for url in claimed] if isinstance(claimed, list) else []


def _claim(url: str, type_name: str, path: str, loaded: Profiles, issues: list[Issue]) -> Profile | None:
    """The profile that is claimed, if it can be checked; else what is to be said of the claim."""
    name = url.partition("|")[0].removeprefix(_CANONICAL)
    if not url or loaded.definitions.is_subtype(type_name, name):
        return None
    profile = None if name in loaded.definitions.resource_types else loaded.get(url)
    of_type = name if profile is None else profile.type_name
    if of_type in loaded.definitions.resource_types and of_type != type_name:
        text = f"This profile is for {of_type}, not for this type of resource."
        issues.append(Issue("error", "structure", text, path, "profile:resource-type"))
        return None
    if profile is None:
        text = "This profile is not loaded: the resource was not checked against it."
        issues.append(Issue("information", "not-found", text, path, "profile:not-loaded"))
        return None
    return profile


def _contained_types(resource: dict[str, Any]) -> dict[str, str]:
    contained = resource.get("contained")
    return {
        str(each.get("id")): str(each.get("resourceType"))
        for each in (contained if isinstance(contained, list) else ())
        if isinstance(each, dict)
    }
