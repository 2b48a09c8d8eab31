"""Where a resource lives, and the ids this platform mints.

A resource lives at the *home* of its patient, or at its own where it has none. A minted id is `<12 hex of home>-<20 hex>`,
so the home is a function of the id alone; of any other id it is a hash. https://hl7.org/fhir/R4/datatypes.html#id
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final

from shared.domain.fhir.outcome import error
from shared.domain.fhir.releases import unknown_type_text
from shared.domain.fhir.resource_types import HOME_ELEMENT, RESOURCE_TYPES
from shared.errors import InputError

HOME_LENGTH: Final = 12
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_MINTED: Final = re.compile(r"[0-9a-f]{12}-[0-9a-f]{20}")
_LITERAL: Final = re.compile(
    r"([A-Z][A-Za-z]{2,40})/([A-Za-z0-9\-.]{1,64})(?:/_history/([A-Za-z0-9\-.]{1,64}))?"
)
_TENANT: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class ResourceKey:
    """Type and logical id, unique within a tenant."""

    type: str
    id: str

    def __str__(self) -> str:
        return f"{self.type}/{self.id}"

    @property
    def address(self) -> str:
        """The home where this id is looked up first: the prefix of a minted id, else a hash."""
        return self.id[:HOME_LENGTH] if is_minted(self.id) else _hash(self.type, self.id)[:HOME_LENGTH]


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def is_valid_id(text: str) -> bool:
    """Whether `text` may be a logical id. `.` and `..` match the specification's pattern and are refused all the same."""
    return _ID.fullmatch(text) is not None and text not in (".", "..")


_HISTORY: Final = "_history"


def is_valid_tenant(text: str) -> bool:
    """Lower-case letters, digits and inner hyphens, at most 64: safe as a folder and as a key."""
    return _TENANT.fullmatch(text) is not None


def is_minted(text: str) -> bool:
    """Whether an id has the form this platform mints."""
    return _MINTED.fullmatch(text) is not None


def require_key(type_: str, id_: str) -> ResourceKey:
    """The key, or InputError when the type or the id cannot exist."""
    if _HISTORY in (type_, id_):
        text = (
            "The history of all resources, or of a type, is not supported; that of one is: Type/id/_history."
        )
        raise InputError(text, issues=[error("not-supported", text, rule="history")], status=404)
    if type_ not in RESOURCE_TYPES:
        text = unknown_type_text(type_)
        raise InputError(text, issues=[error("not-supported", text, rule="resource-type")], status=404)
    if not is_valid_id(id_):
        text = "A logical id has 1 to 64 letters, digits, '-' and '.', and is not '.' or '..'."
        raise InputError(text, issues=[error("value", text, f"{type_}.id", rule="id")])
    return ResourceKey(type_, id_)


def parse_literal(reference: str) -> tuple[ResourceKey, str] | None:
    """`Type/id[/_history/version]` as key and version (empty where none), or None when it is of another form."""
    match = _LITERAL.fullmatch(reference)
    if match is None or match[1] not in RESOURCE_TYPES or not is_valid_id(match[2]):
        return None
    return ResourceKey(match[1], match[2]), match[3] or ""


def patient_reference(resource: dict[str, Any]) -> str:
    """The reference that decides the home, as written, or the empty string."""
    element = HOME_ELEMENT.get(resource.get("resourceType", ""))
    target = resource.get(element) if element else None
    reference = target.get("reference") if isinstance(target, dict) else None
    return reference if isinstance(reference, str) else ""


def patient_of(resource: dict[str, Any]) -> ResourceKey | None:
    """The patient whose home a resource with final references belongs to."""
    literal = parse_literal(patient_reference(resource))
    return literal[0] if literal and literal[0].type == "Patient" else None


def home_of(resource: dict[str, Any], key: ResourceKey) -> str:
    """The home of a resource with final id and references."""
    patient = patient_of(resource)
    return patient.address if patient else key.address


@dataclass(frozen=True, slots=True)
class Origin:
    """A logical sending system of one tenant: the namespace in which a replica's ids are minted."""

    tenant: str
    source: str

    def digest(self, identity: str) -> str:
        """Sixty-four hex digits that stand for `identity` in this origin, for ever."""
        return _hash(self.tenant, self.source, identity)

    def own_home(self, identity: str) -> str:
        """The home of a thing that lives on its own."""
        return self.digest(identity)[:HOME_LENGTH]

    def mint(self, identity: str, home: str) -> str:
        """The id of `identity` at `home`: the same at every redelivery, replay and on the other cloud."""
        return f"{home}-{self.digest(identity)[HOME_LENGTH : HOME_LENGTH + 20]}"


def mint_random(home: str, random_hex: str) -> str:
    """A new id at `home` from at least 20 random hex digits."""
    return f"{home}-{random_hex[:20]}"
