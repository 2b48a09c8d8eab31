"""Whether a reference or canonical is beyond doubt well formed and names a type that its element takes."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from shared.domain.fhir.definitions.model import Definitions
from shared.domain.fhir.resource_types import RESOURCE_TYPES
from shared.domain.fhir.validation.fast.context import CONTEXT, Reading
from shared.domain.fhir.validation.fast.known import Known
from shared.domain.fhir.validation.fast.primitives import Check, check_of, judge_of
from shared.domain.fhir.validation.primitives import is_absolute, primitive_fault
from shared.domain.fhir.validation.references import Form, is_urn, read_reference

_HL7: Final = "http://hl7.org/fhir/"


def _told_type(text: str) -> Any:
    """The type a reference names, "" where it names none, None for a local one and False for what is no reference."""
    link = read_reference(text)
    if link.form is Form.WRONG or not _IS_TEXT(text) or (is_urn(text) and primitive_fault("uri", text)):
        return False
    return None if link.form is Form.LOCAL else link.type_name


_IS_TEXT: Final = check_of("string")
_TOLD: Final = Known(_told_type)


def allowed_types(definitions: Definitions, targets: tuple[str, ...]) -> frozenset[str]:
    """The resource types that `targets` stand for, with "" for a type that is not told."""
    named = (
        name
        for name in definitions.resource_types
        for target in targets
        if definitions.is_subtype(name, target)
    )
    return frozenset(named if targets else definitions.resource_types) | {""}


def reference_check(allowed: frozenset[str]) -> Check:
    """The check of `Reference.reference` where these types are allowed."""

    def check(text: str) -> bool:
        told = _TOLD[text]
        if told is None:
            return _local_type(text, CONTEXT.reading) in allowed
        if told is False:
            return False
        bundle = CONTEXT.reading.bundle
        if bundle is not None:
            entries = (
                bundle.by_full_url.get(text, ())
                if is_urn(text)
                else bundle.matches(text, CONTEXT.reading.full_url)
            )
            if not entries and is_urn(text):
                return False
            found = bundle.types.get(entries[0], "") if len(entries) == 1 else ""
            if found:
                return found in allowed and (not told or found == told)
        return told in allowed

    return check


def _local_type(text: str, reading: Reading) -> str | None:
    """The type of what `#…` refers to, noted as used; None where it cannot be found."""
    if text == "#":
        if not reading.is_in_contained:
            return None
        reading.referring_back.add(reading.contained_index)
        return str(reading.root["resourceType"])
    reading.used.add(text[1:])
    resource = reading.contained.get(text[1:]) if reading.contained else None
    return None if resource is None else str(resource["resourceType"])


def states_a_known_type(reference: dict[str, Any], allowed: frozenset[str]) -> bool:
    """Whether `Reference.type` names a type that is allowed and that the reference does not contradict."""
    named, text = reference["type"], reference.get("reference")
    if named not in RESOURCE_TYPES or named not in allowed:
        return False
    return text is None or (_TOLD[text] == named and CONTEXT.reading.bundle is None)


class _Uris(Known):
    """Known URIs. A local one (`#id`) may be what a contained resource is used by: it is asked about each time."""

    def __missing__(self, text: str) -> Any:
        if text[:1] != "#":
            return super().__missing__(text)
        reading = CONTEXT.reading
        if len(text) > 1:
            reading.used.add(text[1:])
        elif reading.is_in_contained:
            reading.referring_back.add(reading.contained_index)
        return primitive_fault("uri", text) is None


@cache
def uri_check(name: str) -> Check:
    """The check of a uri or url."""
    return _Uris(judge_of(name)).__getitem__


def canonical_check(definitions: Definitions, targets: tuple[str, ...]) -> Check:
    """The check of a canonical; a local one (`#id`) names what is contained, of whatever type."""
    allowed = allowed_types(definitions, targets)
    is_uri = check_of("canonical")

    def ask(text: str) -> bool:
        if not is_uri(text) or not is_absolute(text):
            return False
        name = text[len(_HL7) :].partition("/")[0] if targets and text.startswith(_HL7) else ""
        return name not in RESOURCE_TYPES or name in allowed

    known = Known(ask).__getitem__

    def check(text: str) -> Any:
        if text[:1] == "#":
            return is_uri(text) and _local_type(text, CONTEXT.reading) is not None
        return known(text)

    return check
