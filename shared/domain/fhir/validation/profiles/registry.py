"""The profiles that are loaded: those of the base specification, read when first asked for, and any that are added.

https://hl7.org/fhir/R4/observation-vitalsigns.html for the profiles that a LOINC code chooses
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from shared.domain.fhir.definitions.reader import PackedDefinitions, r4
from shared.domain.fhir.validation.profiles.instance import Instances
from shared.domain.fhir.validation.profiles.model import Profile
from shared.domain.fhir.validation.profiles.slices import Slices
from shared.domain.fhir.validation.profiles.structure import read_profile
from shared.domain.fhir.validation.vital_signs import vital_sign_terms

_CANONICAL: Final = "http://hl7.org/fhir/StructureDefinition/"


class Profiles:
    """Canonical → profile. One for the base specification serves a process; a package of profiles makes one of its own."""

    def __init__(self, definitions: PackedDefinitions) -> None:
        self.definitions = definitions
        self.instances = Instances(definitions)
        self.slices = Slices(definitions, self.instances)
        self._read: dict[str, Profile] = {}

    def add(self, structure_definition: dict[str, Any]) -> Profile:
        """Loads a StructureDefinition of derivation `constraint`; one of the same canonical is replaced.

        Raises InputError where it cannot be used. What its types and base name may be added before or after.
        """
        profile = read_profile(structure_definition, self.definitions)
        self._read[profile.url] = profile
        return profile

    def get(self, canonical: str) -> Profile | None:
        """The profile of a canonical, whatever version it names; None where it is not loaded.

        A profile that is named without an address, as targets of the base specification are, is HL7's.
        """
        url = canonical.partition("|")[0]
        url = url if "/" in url else f"{_CANONICAL}{url}"
        found = self._read.get(url)
        if found is None:
            packed = self.definitions.structure_definition(url)
            if packed is not None:
                found = self._read[url] = read_profile(packed, self.definitions)
        return found

    def chosen_by_code(self, resource: dict[str, Any]) -> Iterator[Profile]:
        """The vital-signs profiles that the codes of an Observation choose."""
        if resource.get("resourceType") != "Observation":
            return
        for term in vital_sign_terms(resource):
            url = self.definitions.vital_sign_profiles.get(term)
            profile = self.get(url) if url else None
            if profile is not None:
                yield profile

    def derives(self, profile: Profile, url: str) -> bool:
        """Whether `profile` builds on the profile `url`, so that checking it checks both."""
        seen: set[str] = set()
        base = profile.base
        while base and base not in seen:
            if base == url:
                return True
            seen.add(base)
            parent = self.get(base)
            base = parent.base if parent else ""
        return False


@cache
def r4_profiles() -> Profiles:
    """The base specification's own."""
    return Profiles(r4())
