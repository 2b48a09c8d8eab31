"""What the headers ask for: formats, preferences, versions.

https://hl7.org/fhir/R4/http.html#mime-type and https://www.rfc-editor.org/rfc/rfc7240 (Prefer)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers

from shared.domain.fhir.outcome import error
from shared.domain.fhir.version_tag import ANY, version_in
from shared.errors import InputError, Unsupported

FORM: Final = "application/x-www-form-urlencoded"
FHIR_TYPES: Final = ("application/fhir+json", "application/json")
_ACCEPTED: Final = ("*/*", "application/*", "application/fhir+json", "application/json", "text/json")
_FHIR_VERSIONS: Final = ("4.0", "4.0.1")


@dataclass(frozen=True, slots=True)
class Preferences:
    """The parts of Prefer that are honoured: `returns` is minimal, representation or OperationOutcome."""

    returns: str = "representation"
    lenient: bool = False


def require_content_type(headers: Headers, allowed: tuple[str, ...]) -> None:
    """Raises Unsupported (415) unless the body is of an allowed type, in UTF-8."""
    media, parameters = _media_type(headers.get("content-type", ""))
    if media not in allowed:
        raise _unsupported(f"The Content-Type must be {' or '.join(allowed)}.")
    if parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise _unsupported("The charset must be utf-8.")
    if parameters.get("fhirversion", "4.0") not in _FHIR_VERSIONS:
        raise _unsupported("The FHIR version must be 4.0.")


def require_acceptable(headers: Headers) -> None:
    """Raises Unsupported (406) where the client accepts no JSON."""
    accept = headers.get("accept", "")
    if not accept.strip():
        return
    for option in accept.split(","):
        media, parameters = _media_type(option)
        if media in _ACCEPTED and parameters.get("q", "1").strip("0.") != "":
            return
    text = "This server answers in application/fhir+json only: accept it."
    raise Unsupported(text, issues=[error("not-supported", text, rule="accept")], status=406)


def preferences(headers: Headers) -> Preferences:
    """What Prefer asks for; unknown preferences are ignored, as RFC 7240 says."""
    found: dict[str, str] = {}
    for part in re.split("[,;]", headers.get("prefer", "")):
        name, _, value = part.strip().partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    returns = found.get("return", "")
    known = returns if returns in ("minimal", "OperationOutcome") else "representation"
    return Preferences(known, lenient=found.get("handling") == "lenient")


def if_match(headers: Headers) -> str | None:
    """The version that If-Match names, `*`, or None where the header is absent. Raises InputError (400)."""
    value = headers.get("if-match")
    if value is None:
        return None
    version = version_in(value)
    if version is None:
        text = 'If-Match names one version, as W/"<versionId>".'
        raise InputError(text, issues=[error("value", text, rule="if-match")])
    return version


def create_only(headers: Headers) -> bool:
    """Whether If-None-Match forbids an update to replace anything. Raises InputError (400) for all but `*`."""
    value = headers.get("if-none-match")
    if value is not None and value.strip() != "*":
        text = "If-None-Match on an update is *: create, and replace nothing."
        raise InputError(text, issues=[error("value", text, rule="if-none-match")])
    return value is not None


def none_match(headers: Headers, version: str) -> bool:
    """Whether the client already has this version (If-None-Match)."""
    return any(version_in(tag) in (ANY, version) for tag in headers.get("if-none-match", "").split(","))


def _media_type(text: str) -> tuple[str, dict[str, str]]:
    media, *rest = text.split(";")
    parameters = {}
    for part in rest:
        name, _, value = part.partition("=")
        parameters[name.strip().lower()] = value.strip().strip('"')
    return media.strip().lower(), parameters


def _unsupported(text: str) -> Unsupported:
    return Unsupported(text, issues=[error("not-supported", text, rule="content-type")])
