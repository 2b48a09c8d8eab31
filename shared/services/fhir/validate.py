"""The operation $validate: what is wrong with a resource, and whether a write of it would be accepted.

https://hl7.org/fhir/R4/resource-operation-validate.html. It answers with findings whatever mode a door has: what `warn`
lives with is an error here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from shared.domain.access.caller import Caller
from shared.domain.fhir import json
from shared.domain.fhir.identity import ResourceKey
from shared.domain.fhir.outcome import FAILURES, MAX_ISSUES, Issue, error, operation_outcome
from shared.domain.fhir.resource_types import RESOURCE_TYPES
from shared.domain.fhir.validation.positions import lines_of
from shared.errors import Gone, InputError, NotFound
from shared.ports.validator import Validator
from shared.services.fhir.interactions import Interactions

MODES: Final = ("create", "update", "delete", "profile")
NOT_LOADED: Final = "profile:not-loaded"
"""The rule by which the validator says that it does not know a claimed profile."""
_VALUES: Final = {"mode": ("valueCode",), "profile": ("valueUri", "valueCanonical")}
_PARTS: Final = ("resource", *_VALUES)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the request says. `type` and `id` are of the URL, empty where it has none; `body` is None for a GET."""

    type: str = ""
    id: str = ""
    mode: str = ""
    profile: str = ""
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is to be validated, and where in the body it stands, as FHIRPath: empty where it is the body."""

    resource: dict[str, Any] | None
    mode: str
    profile: str
    path: str = ""


class Validation:
    """Answers $validate."""

    def __init__(self, validator: Validator, interactions: Interactions) -> None:
        self._validator = validator
        self._interactions = interactions

    def run(self, caller: Caller, asked: Asked) -> dict[str, Any]:
        """The OperationOutcome. Raises InputError (400) for what cannot be read or makes no sense.

        Raises Forbidden where the mode is a write the caller may not do, NotFound and Gone for what is to be read.
        """
        subject = _subject(asked)
        _require_sense(asked, subject)
        if subject.mode in ("create", "update", "delete"):
            caller.require(asked.type or _type_of(subject.resource), subject.mode)
        key = ResourceKey(asked.type, asked.id) if asked.id else None
        if subject.mode == "delete" and key:
            return _outcome([self._deletion(caller, key)])
        body = asked.body
        if subject.resource is None and key:
            body = None
            stored = self._interactions.read(caller.tenant, key).resource
            subject = _Subject(stored, subject.mode, subject.profile)
        assert subject.resource is not None, "required where nothing is nominated"
        found = [*_of_the_url(asked, subject), *self._findings(subject)]
        # Errors first: what an outcome has no room for should be the least of it.
        issues = sorted(found, key=lambda issue: issue.severity not in FAILURES)
        if subject.mode == "update" and key and not self._exists(caller, key):
            text = "Nothing is on record under this id: the update would create it."
            issues.append(Issue("information", "informational", text))
        return _outcome(_with_lines(issues, body, subject.path))

    def _findings(self, subject: _Subject) -> list[Issue]:
        assert subject.resource is not None
        resource, claim = _claiming(subject.resource, subject.profile)
        found = self._validator.validate(resource)
        if claim and any(issue.rule == NOT_LOADED and issue.expression == claim for issue in found):
            text = "This profile is not loaded: the resource cannot be validated against it."
            raise InputError(text, issues=[error("not-supported", text, rule=NOT_LOADED)])
        return found

    def _exists(self, caller: Caller, key: ResourceKey) -> bool:
        try:
            self._interactions.read(caller.tenant, key)
        except (NotFound, Gone):
            return False
        return True

    def _deletion(self, caller: Caller, key: ResourceKey) -> Issue:
        there = self._exists(caller, key)
        text = "The resource can be deleted." if there else "Nothing is there: a delete would change nothing."
        return Issue("information", "informational", text)


def _with_lines(issues: list[Issue], body: bytes | None, path: str) -> list[Issue]:
    """The issues with the lines of the body at which their elements begin."""
    placed = {
        issue.expression: issue.prefixed(path).expression if path else issue.expression
        for issue in issues[:MAX_ISSUES]
        if issue.expression
    }
    if not placed or not body:
        return issues
    lines = lines_of(body, placed.values())
    return [
        msgspec.structs.replace(issue, line=lines.get(placed.get(issue.expression, ""))) for issue in issues
    ]


def _outcome(issues: list[Issue]) -> dict[str, Any]:
    fine = Issue("information", "informational", "The resource is valid: there is nothing to say about it.")
    return operation_outcome(issues or [fine])


def _type_of(resource: dict[str, Any] | None) -> str:
    """The type of a body that was posted to the base address. Raises InputError where FHIR has no such type."""
    type_ = resource.get("resourceType") if resource else None
    if not isinstance(type_, str) or type_ not in RESOURCE_TYPES:
        raise _senseless(
            "resource", "The resource has no resourceType of FHIR R4: no write could be asked for."
        )
    return type_


def _subject(asked: Asked) -> _Subject:
    """The body taken apart: the operation's Parameters, or the resource itself."""
    if asked.body is None:
        return _Subject(None, asked.mode, asked.profile)
    body = json.decode_object(asked.body)
    parts = _parts(body) if body.get("resourceType") == "Parameters" else None
    if parts is None or (asked.type == "Parameters" and "resource" not in parts):
        return _Subject(body, asked.mode, asked.profile)
    given = {name: _value(parts, name) for name in _VALUES}
    for name, in_url in (("mode", asked.mode), ("profile", asked.profile)):
        if in_url and given[name] and in_url != given[name]:
            raise _senseless(name, f"{name} is one thing in the URL and another in the body: say it once.")
    resource = parts["resource"].get("resource") if "resource" in parts else None
    if "resource" in parts and not isinstance(resource, dict):
        raise _senseless("resource", "The parameter resource holds its content in the element resource.")
    path = f"Parameters.parameter[{list(parts).index('resource')}].resource" if resource else ""
    return _Subject(resource, asked.mode or given["mode"], asked.profile or given["profile"], path)


def _parts(body: dict[str, Any]) -> dict[str, dict[str, Any]] | None:
    """The operation's parameters by name; None where the Parameters are none of its own, but what is to be validated."""
    listed = body.get("parameter", [])
    parts = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    names = [each.get("name") for each in parts]
    if parts and not any(name in _PARTS for name in names):
        return None
    if not isinstance(listed, list) or len(parts) != len(listed):
        raise _senseless("parameter", "Parameters.parameter is a list of objects.")
    if len(set(map(str, names))) != len(names) or not all(name in _PARTS for name in names):
        raise _senseless("parameter", f"The operation takes {', '.join(_PARTS)}, each at most once.")
    return {str(each["name"]): each for each in parts}


def _value(parts: dict[str, dict[str, Any]], name: str) -> str:
    if name not in parts:
        return ""
    found = [parts[name][value] for value in _VALUES[name] if value in parts[name]]
    if len(found) != 1 or not isinstance(found[0], str):
        raise _senseless(name, f"The parameter {name} has its value in {' or '.join(_VALUES[name])}.")
    return found[0]


def _require_sense(asked: Asked, subject: _Subject) -> None:
    """Raise InputError for what cannot be asked: https://hl7.org/fhir/R4/valueset-resource-validation-mode.html."""
    mode = subject.mode
    if mode and mode not in MODES:
        raise _senseless("mode", f"mode is one of {', '.join(MODES)}, or absent.")
    if mode in ("update", "delete", "profile") and not asked.id:
        raise _senseless(
            "mode", f"mode {mode} is about a resource on record: name its type and id in the URL."
        )
    if mode == "create" and asked.id:
        raise _senseless(
            "mode", "mode create is about a resource without an id: leave the id out of the URL."
        )
    if mode == "profile" and (subject.resource is not None or not subject.profile):
        raise _senseless(
            "mode", "mode profile takes a profile and no resource: it is about the one on record."
        )
    if subject.resource is None and (not asked.id or mode == "update"):
        raise _senseless("resource", "A resource to validate is missing: send it as the body.")


def _of_the_url(asked: Asked, subject: _Subject) -> list[Issue]:
    """What is wrong between the resource and the address it was sent to."""
    resource = subject.resource or {}
    found = []
    if asked.type and resource.get("resourceType") != asked.type:
        text = f"The body must be a resource of the type in the URL: resourceType {asked.type}."
        found.append(error("invalid", text, "resourceType", "resource-type"))
    if subject.mode == "update" and resource.get("id") != asked.id:
        text = "The resource's id must be there and be the id in the URL."
        found.append(error("invalid", text, f"{asked.type}.id", "update-id"))
    return found


def _claiming(resource: dict[str, Any], profile: str) -> tuple[dict[str, Any], str]:
    """The resource as if it claimed the nominated profile too, and the path of that claim; empty where none is needed."""
    meta = resource.get("meta", {})
    claimed = meta.get("profile", []) if isinstance(meta, dict) else None
    if not profile or not isinstance(claimed, list) or profile in claimed:
        return resource, ""
    path = f"{resource.get('resourceType')}.meta.profile[{len(claimed)}]"
    return {**resource, "meta": {**meta, "profile": [*claimed, profile]}}, path


def _senseless(name: str, text: str) -> InputError:
    return InputError(text, issues=[error("invalid", text, f"Parameters.{name}", "validate-parameters")])
