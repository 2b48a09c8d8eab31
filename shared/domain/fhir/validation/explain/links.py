"""References and canonicals: their form, what they may point at, and whether local ones resolve.

https://hl7.org/fhir/R4/references.html
"""

from __future__ import annotations

from typing import Any, Final

from shared.domain.fhir.definitions.model import Definitions
from shared.domain.fhir.resource_types import RESOURCE_TYPES
from shared.domain.fhir.validation.explain.findings import Findings
from shared.domain.fhir.validation.explain.scope import Scope
from shared.domain.fhir.validation.primitives import is_absolute, primitive_fault
from shared.domain.fhir.validation.references import Form, Link, is_urn, read_reference

_SAYING_SOMETHING: Final = frozenset({"_reference", "display", "extension", "identifier"})
_HL7: Final = "http://hl7.org/fhir/"


class Links:
    """Reports links that are malformed, point at the wrong type or at nothing in their own container."""

    def __init__(self, definitions: Definitions, findings: Findings) -> None:
        self._definitions = definitions
        self._findings = findings

    def reference(self, value: dict[str, Any], targets: tuple[str, ...], path: str, scope: Scope) -> None:
        """A Reference element. `targets` are the types it may name; none means any."""
        text, named = value.get("reference"), value.get("type")
        told = named if isinstance(named, str) else ""
        if told and told not in RESOURCE_TYPES and not is_absolute(told):
            words = "Reference.type names a resource type of FHIR R4."
            self._findings.error("value", words, f"{path}.type", "reference-type")
            told = ""
        told = "" if is_absolute(told) else told
        found = ""
        if isinstance(text, str) and text:
            found = self._read(text, path, scope)
        elif not told and not _SAYING_SOMETHING.intersection(value):
            words = "A Reference says what it points at: a reference, an identifier or at least a display."
            self._findings.warning("business-rule", words, path, "reference-empty")
        if told and found and told != found:
            words = "Reference.type is not the type of what is referred to."
            self._findings.error("invalid", words, f"{path}.type", "reference-type-differs")
        actual = found or told
        if (
            actual in RESOURCE_TYPES
            and targets
            and not any(self._definitions.is_subtype(actual, target) for target in targets)
        ):
            words = f"This element refers to {_either(targets)}, not to {actual}."
            self._findings.error("structure", words, path, "reference-target")

    def canonical(self, text: str, targets: tuple[str, ...], path: str, scope: Scope) -> None:
        """The URL of a definition: absolute, or a contained resource; HL7's own tell their type."""
        if text.startswith("#"):
            self._local(text[1:], path, scope)
            return
        if not is_absolute(text):
            words = "A canonical should be an absolute URL, or # and the id of a contained resource: others cannot be found."
            self._findings.warning("invalid", words, path, "canonical-absolute")
            return
        if targets and text.startswith(_HL7):
            name = text[len(_HL7) :].partition("/")[0]
            if name in RESOURCE_TYPES and not any(
                self._definitions.is_subtype(name, target) for target in targets
            ):
                words = f"This canonical names {_either(targets)}, not {name}."
                self._findings.error("invalid", words, path, "canonical-target")

    def uri(self, text: str, scope: Scope) -> None:
        """A uri may use a contained resource; it need not."""
        if text.startswith("#"):
            self._used(text[1:], scope)

    def _read(self, text: str, path: str, scope: Scope) -> str:
        """The type of what is referred to, "" where nothing tells it."""
        link = read_reference(text)
        if link.form is Form.LOCAL:
            return self._local(link.id, f"{path}.reference", scope)
        if link.form is Form.WRONG:
            words = "A reference is Type/id, an absolute URL, a urn:uuid: or urn:oid: URI, or # and a contained id."
            self._findings.error("value", words, f"{path}.reference", "reference-form")
            return ""
        if is_urn(text):
            self._urn(text, f"{path}.reference", scope)
        return self._in_bundle(text, link, path, scope)

    def _urn(self, text: str, path: str, scope: Scope) -> None:
        if primitive_fault("uri", text) is not None:
            words = "urn:uuid: is followed by a UUID and urn:oid: by an OID; what follows here is neither."
            self._findings.warning("value", words, path, "reference-urn")
        elif scope.bundle is not None and not scope.bundle.matches(text, scope.full_url):
            words = "No entry of the Bundle has this fullUrl, and a urn: reference can be found nowhere else."
            self._findings.warning("not-found", words, path, "reference-urn-unresolved")

    def _in_bundle(self, text: str, link: Link, path: str, scope: Scope) -> str:
        found = scope.bundle.type_of(text, scope.full_url) if scope.bundle is not None else ""
        if found and link.type_name and found != link.type_name:
            words = f"The reference says {link.type_name}, the Bundle's entry that it matches is {found}."
            self._findings.error("invalid", words, f"{path}.reference", "reference-type-differs")
        return found or link.type_name

    def _local(self, id_: str, path: str, scope: Scope) -> str:
        self._used(id_, scope)
        if not id_:
            container = scope.root.get("resourceType") if scope.is_contained else scope.type_name
            return container if isinstance(container, str) else ""
        contained = scope.contained.get(id_)
        if contained is None:
            words = (
                "No contained resource has this id: a reference that begins with # points into `contained`."
            )
            self._findings.error("invariant", words, path, "ref-1")
            return ""
        return str(contained["resourceType"])

    def _used(self, id_: str, scope: Scope) -> None:
        if id_:
            scope.local_use.used.add(id_)
        elif scope.contained_index is not None:
            scope.local_use.referring_back.add(scope.contained_index)


def _either(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"
