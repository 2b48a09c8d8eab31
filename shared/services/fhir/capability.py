"""The CapabilityStatement: what this server really does, and what it does not promise.

https://hl7.org/fhir/R4/capabilitystatement.html
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from shared.domain.fhir.resource_types import RESOURCE_TYPES
from shared.domain.fhir.search_request import search_parameters

SOFTWARE_VERSION: Final = "0.1.0"
RELEASED_ON: Final = "2026-11-21"
_INTERACTIONS: Final = ("create", "read", "vread", "update", "delete", "history-instance", "search-type")
_OAUTH_URIS: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SECURITY_SERVICE: Final = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_ISOLATION: Final = (
    "A transaction is decided whole or not at all by the time it is answered. It is not isolated: a read may see some of "
    "its entries before the answer and, where the store was busy, for about a minute after it. Deletes come before creates, "
    "creates before updates, conditional references last."
)
_SEARCH: Final = (
    "Searches are exact at the moment they are asked, and paged by signed links. Pages are no snapshot: what is written "
    "meanwhile may be missed or come again, in the order of _lastUpdated too, which is stamped before the write. Unknown "
    "parameters are refused unless Prefer: handling=lenient asks otherwise. _sort takes date and _lastUpdated, _count up to "
    "1,000, _summary count. There are no chains and no includes."
)
_SCOPES: Final = (
    "SMART scopes for systems (system/Observation.rs). A scope with a constraint (?param=value) grants nothing here. "
    "A conditional create needs the search permission too; $risk needs to read what its scores read; "
    "/alerts needs system/RiskAssessment.rs, and acknowledging one system/RiskAssessment.u."
)

_VALIDATE: Final = {
    "name": "validate",
    "definition": "http://hl7.org/fhir/OperationDefinition/Resource-validate",
    "documentation": "Every finding at once. A mode needs the scope of the write it asks about.",
}


def capability_statement(base_url: str, *, token_url: str | None) -> dict[str, Any]:
    """The statement of the server at `base_url`; `token_url` where it issues tokens itself."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": RELEASED_ON,
        "kind": "instance",
        "software": {"name": "Galen", "version": SOFTWARE_VERSION},
        "implementation": {"description": "Galen healthcare data platform", "url": base_url},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": f"{_ISOLATION} {_SEARCH}",
                "security": _security(token_url),
                "resource": _resources(),
                "interaction": [
                    {"code": "transaction", "documentation": _ISOLATION},
                    {"code": "batch"},
                ],
                "operation": [_VALIDATE],
            }
        ],
    }


def _security(token_url: str | None) -> dict[str, Any]:
    security: dict[str, Any] = {
        "service": [{"coding": [{"system": _SECURITY_SERVICE, "code": "SMART-on-FHIR"}]}],
        "description": _SCOPES,
    }
    if token_url:
        uris = {"url": _OAUTH_URIS, "extension": [{"url": "token", "valueUri": token_url}]}
        security = {"extension": [uris], **security}
    return security


@cache
def _resources() -> list[dict[str, Any]]:
    return [_resource(type_) for type_ in sorted(RESOURCE_TYPES)]


def _resource(type_: str) -> dict[str, Any]:
    resource = {
        "type": type_,
        "interaction": [{"code": code} for code in _INTERACTIONS],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": True,
        "conditionalCreate": True,
        "conditionalRead": "not-match",
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
        "searchParam": [{"name": name, "type": kind} for name, kind in search_parameters(type_).items()],
    }
    operations = [_VALIDATE]
    if type_ == "Patient":
        definition = "urn:galen:operation:risk"
        operations.append(
            {
                "name": "risk",
                "definition": definition,
                "documentation": "NEWS2, qSOFA, sepsis and readmission risk.",
            }
        )
    return {**resource, "operation": operations}
