"""Every endpoint of the API in one table: method, path, the scopes it needs, the body it takes."""

from __future__ import annotations

from typing import Final

from functions.api import authorization, operations, platform, resources
from functions.api.alerts import AlertFeed, acknowledge, listen
from functions.api.body import MAX_BODY_BYTES
from functions.api.negotiation import FHIR_TYPES, FORM
from functions.api.routing import BodyRule, Endpoint

_MAX_FORM_BYTES: Final = 65_536
_RESOURCE: Final = BodyRule(FHIR_TYPES, MAX_BODY_BYTES)
_FORM: Final = BodyRule((FORM,), _MAX_FORM_BYTES)
_ID: Final = "/fhir/{type}/{id}"
_READ: Final = (("{type}", "read"),)
_SEARCH: Final = (("{type}", "search"),)
_ALERTS: Final = (("RiskAssessment", "read"), ("RiskAssessment", "search"))
"""Alerts are drawn from RiskAssessments: whoever may read and search those may see alerts."""
_READ_BY_SCORES: Final = (
    "Patient", "Observation", "Condition", "Encounter", "MedicationRequest", "Procedure", "RiskAssessment",
)  # fmt: skip
_RISK: Final = tuple((type_, "read") for type_ in _READ_BY_SCORES)
"""A score on request discloses what it used, stays and drugs too, and that the patient is there, under 16, or pregnant."""


def endpoints(feed: AlertFeed) -> tuple[Endpoint, ...]:
    """The table."""
    return (
        Endpoint("bundle", "POST", "/fhir", run=operations.bundle, body=_RESOURCE),
        Endpoint(
            "create",
            "POST",
            "/fhir/{type}",
            run=resources.create,
            needs=(("{type}", "create"),),
            body=_RESOURCE,
        ),
        Endpoint("search", "GET", "/fhir/{type}", run=operations.search, needs=_SEARCH),
        Endpoint(
            "search", "POST", "/fhir/{type}/_search", run=operations.search_by_post, needs=_SEARCH, body=_FORM
        ),
        Endpoint("read", "GET", _ID, run=resources.read, needs=_READ),
        Endpoint("update", "PUT", _ID, run=resources.update, needs=(("{type}", "update"),), body=_RESOURCE),
        Endpoint("delete", "DELETE", _ID, run=resources.delete, needs=(("{type}", "delete"),)),
        Endpoint("history", "GET", f"{_ID}/_history", run=resources.history, needs=_READ),
        Endpoint("vread", "GET", f"{_ID}/_history/{{version}}", run=resources.vread, needs=_READ),
        Endpoint("risk", "POST", "/fhir/Patient/{id}/$risk", run=operations.risk, needs=_RISK),
        Endpoint("validate", "POST", "/fhir/$validate", run=operations.validate, body=_RESOURCE),
        Endpoint("validate", "POST", "/fhir/{type}/$validate", run=operations.validate, body=_RESOURCE),
        Endpoint("validate", "GET", f"{_ID}/$validate", run=operations.validate, needs=_READ),
        Endpoint(
            "validate", "POST", f"{_ID}/$validate", run=operations.validate, needs=_READ, body=_RESOURCE
        ),
        Endpoint("alerts", "GET", "/alerts", wait=feed.poll, needs=_ALERTS),
        Endpoint("alert-stream", "GET", "/alerts/stream", wait=feed.stream, needs=_ALERTS, json_only=False),
        Endpoint("alert-live", "POST", "/alerts/live", run=listen, needs=_ALERTS),
        Endpoint(
            "acknowledge",
            "POST",
            "/alerts/{id}/acknowledge",
            run=acknowledge,
            needs=(("RiskAssessment", "update"),),
        ),
        Endpoint("metadata", "GET", "/fhir/metadata", run=platform.metadata, public=True),
        Endpoint(
            "smart-configuration",
            "GET",
            "/fhir/.well-known/smart-configuration",
            run=authorization.smart_configuration,
            public=True,
            json_only=False,
        ),
        Endpoint(
            "token", "POST", "/auth/token", run=authorization.token, body=_FORM, public=True, json_only=False
        ),
        Endpoint("key-set", "GET", "/auth/jwks", run=authorization.key_set, public=True, json_only=False),
        Endpoint("health", "GET", "/health", run=platform.health, public=True, json_only=False),
        Endpoint(
            "metrics",
            "GET",
            "/metrics",
            run=platform.metrics,
            admit=authorization.scraper_of,
            json_only=False,
        ),
    )
