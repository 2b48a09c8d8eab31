"""What an Identifier's system asks: that it is absolute, and of the value where the value is a URI itself.

https://hl7.org/fhir/R4/datatypes.html#Identifier
"""

from __future__ import annotations

from typing import Any, Final

from shared.domain.fhir.outcome import Issue, error
from shared.domain.fhir.validation.primitives import is_absolute

URIS: Final = "urn:ietf:rfc:3986"
"""The system of values that are URIs, such as urn:uuid:… and urn:oid:…"""


def identifier_issue(identifier: dict[str, Any], path: str) -> Issue | None:
    """What is wrong with an Identifier beyond its structure; None where nothing is."""
    system, value = identifier.get("system"), identifier.get("value")
    if not isinstance(system, str) or not system:
        return None
    if not is_absolute(system):
        text = (
            "The system of an identifier is an absolute URI: without one nobody can tell whose value it is."
        )
        return error("code-invalid", text, f"{path}.system", "identifier-system-absolute")
    if system == URIS and isinstance(value, str) and value and not is_absolute(value):
        text = (
            "With this system the value is a whole URI: urn:uuid: or urn:oid: stands before a UUID or an OID."
        )
        return error("code-invalid", text, f"{path}.value", "identifier-value-uri")
    return None
