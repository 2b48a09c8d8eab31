"""The Validator port by fhir.resources' R4B models: structure, cardinality and types.

Where R4B differs from R4 (https://hl7.org/fhir/R4B/diff.html): the types that R4B dropped (MedicinalProduct and its
kin, SubstanceSpecification and its kin, EffectEvidenceSynthesis, RiskEvidenceSynthesis) have no model here and are refused
as not supported; types that R4B added are refused as not R4; Evidence, EvidenceVariable, Citation and the
definition resources that R4B changed are read by R4B's rules. Bindings, invariants and profiles are not checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel, ValidationError

from shared.domain.fhir.narrative import is_safe_narrative
from shared.domain.fhir.outcome import UNKNOWN_ELEMENT, Issue, error
from shared.domain.fhir.resource_types import RESOURCE_TYPES

_REQUIRED: Final = "This element is required and missing."
_TEXTS: Final[dict[str, tuple[str, str]]] = {
    "missing": ("required", _REQUIRED),
    "model_field_validation.missing": ("required", _REQUIRED),
    "extra_forbidden": (
        "structure",
        "FHIR R4 has no element of this name here: check its spelling and its place.",
    ),
    "list_type": ("structure", "This element repeats, so it must be a JSON array."),
    "model_type": ("structure", "This element must be a JSON object."),
    "dict_type": ("structure", "This element must be a JSON object."),
    "model_attributes_type": ("structure", "This element must be a JSON object."),
    "string_type": ("value", "This element must be a JSON string."),
    "string_pattern_mismatch": ("value", "The value does not have the form its FHIR type demands."),
    "string_too_long": ("value", "The value is longer than its FHIR type allows."),
    "bool_parsing": ("value", "This element must be true or false."),
    "bool_type": ("value", "This element must be true or false."),
    "int_parsing": ("value", "This element must be a whole number."),
    "int_type": ("value", "This element must be a whole number."),
    "int_from_float": ("value", "This element must be a whole number."),
    "decimal_parsing": ("value", "This element must be a JSON number."),
    "datetime_from_date_parsing": (
        "value",
        "This is not a date that exists, written YYYY-MM-DDThh:mm:ss+zz:zz.",
    ),
    "date_from_datetime_parsing": (
        "value",
        "This is not a date that exists, written YYYY, YYYY-MM or YYYY-MM-DD.",
    ),
    "date_from_datetime_inexact": (
        "value",
        "This is not a date that exists, written YYYY, YYYY-MM or YYYY-MM-DD.",
    ),
    "one_of_many": (
        "structure",
        "Only one form of a choice element such as value[x] may be present, and a required one must.",
    ),
}
_OTHER: Final = ("value", "The value is not valid for this element.")
_LIBRARY_NAMES: Final = re.compile(r"fhir_comments|.*_fhir|.*__ext")
_NUMBER: Final = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")
_LIBRARY_ENDINGS: Final = ("fhir_comments", "_fhir", "__ext")
_ALWAYS_TEXT: Final = frozenset(
    {"code", "display", "id", "reference", "resourceType", "text", "url", "versionId"}
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""https://hl7.org/fhir/R4/datatypes.html#string: no characters below U+0020 but tab, line feed and carriage return."""


class FhirResourcesValidator:
    """Validates by building the typed model and throwing it away."""

    def validate(self, resource: dict[str, Any]) -> list[Issue]:
        type_ = resource.get("resourceType")
        if not isinstance(type_, str) or type_ not in RESOURCE_TYPES:
            return [
                error(
                    "structure",
                    "resourceType is missing or names no FHIR R4 resource.",
                    "resourceType",
                    "type",
                )
            ]
        model = _model(type_)
        if model is None:
            text = "This R4 resource type cannot be validated by this server yet."
            return [error("not-supported", text, type_, "type")]
        suspect = _is_suspect(resource)
        issues = list(_shape_issues(resource, type_)) if suspect else []
        try:
            built = model.model_validate(resource)
        except ValidationError as failure:
            found = [
                _issue(type_, detail) for detail in failure.errors(include_url=False, include_input=False)
            ]
            return _unique([*issues, *found, *_missing(model, resource, type_)])
        except (ValueError, AttributeError, LookupError, TypeError):
            issues.append(
                error("structure", "A contained resource has an unknown resourceType.", f"{type_}.contained")
            )
            return issues
        if suspect:
            issues.extend(_coerced(resource, built, type_))
        return issues


@cache
def _model(type_: str) -> type[BaseModel] | None:
    try:
        found: type[BaseModel] = get_fhir_model_class(type_)
    except (ValueError, LookupError, AttributeError, ImportError):
        return None
    return found


def _path(type_: str, location: tuple[int | str, ...]) -> str:
    path = type_
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path


def _issue(type_: str, detail: Any) -> Issue:
    kind = "one_of_many" if "list [" in detail["msg"] else detail["type"]
    code, text = _TEXTS.get(kind, _OTHER)
    location = tuple(step for step in detail["loc"] if isinstance(step, int) or step.isidentifier())
    rule = UNKNOWN_ELEMENT if kind == "extra_forbidden" else f"structure-{code}"
    return error(code, text, _path(type_, location), rule)


def _missing(model: type[BaseModel], resource: dict[str, Any], type_: str) -> Iterator[Issue]:
    # The library looks for missing primitives only once all else holds; a sender wants all findings at once.
    for field in model.model_fields.values():
        extra, name = field.json_schema_extra, field.alias or ""
        required = isinstance(extra, dict) and extra.get("element_required")
        if required and name not in resource and f"_{name}" not in resource:
            yield error("required", _REQUIRED, f"{type_}.{name}", "structure-required")


def _unique(issues: list[Issue]) -> list[Issue]:
    return list(dict.fromkeys(issues))


def _is_suspect(resource: dict[str, Any]) -> bool:
    """One cheap pass: False for nearly every resource, which then is spared the two walks that explain."""
    stack: list[Any] = [resource]
    while stack:
        node = stack.pop()
        if not node:
            return True
        if type(node) is list:
            stack.extend(child for child in node if type(child) is dict or type(child) is list)
            if "" in node:
                return True
            continue
        for name, child in node.items():
            kind = type(child)
            if kind is dict or kind is list:
                stack.append(child)
            elif kind is str:
                if (
                    not child
                    or _CONTROL.search(child)
                    or (name not in _ALWAYS_TEXT and _may_be_misread(name, child))
                ):
                    return True
            elif child is None or (kind is int and child in (0, 1)):
                return True
            if name.endswith(_LIBRARY_ENDINGS):
                return True
    return False


def _may_be_misread(name: str, text: str) -> bool:
    if name == "div":
        return not is_safe_narrative(text)
    return text in ("true", "false") or (text[0] in "-+0123456789" and _NUMBER.fullmatch(text) is not None)


def _shape_issues(node: Any, path: str) -> Iterator[Issue]:
    """What FHIR JSON forbids anywhere: empty values, the library's own spellings, active content in narratives."""
    if isinstance(node, dict):
        if not node:
            yield error(
                "structure", "An object must not be empty: leave the element out.", path, "json-empty"
            )
        for name, child in node.items():
            if _LIBRARY_NAMES.fullmatch(name):
                yield error("structure", _TEXTS["extra_forbidden"][1], path, "structure-structure")
            elif name == "div" and isinstance(child, str) and not is_safe_narrative(child):
                yield error(
                    "invalid",
                    "A narrative is one div of formatting, images and links: nothing active, no other markup.",
                    f"{path}.div",
                    "txt-1",
                )
            elif child is None:
                yield error(
                    "structure",
                    "null is allowed only inside arrays of primitives.",
                    f"{path}.{name}",
                    "json-null",
                )
            elif not isinstance(child, bool | int):
                yield from _shape_issues(child, f"{path}.{name}")
    elif isinstance(node, list):
        if not node:
            yield error("structure", "An array must not be empty: leave the element out.", path, "json-empty")
        for index, child in enumerate(node):
            if child is not None:
                yield from _shape_issues(child, f"{path}[{index}]")
    elif node == "":
        yield error("value", "A string must not be empty: leave the element out.", path, "json-empty")
    elif isinstance(node, str) and _CONTROL.search(node):
        yield error("value", "A string must not hold control characters.", path, "string-control")


def _coerced(node: Any, built: Any, path: str) -> Iterator[Issue]:
    """Strings that the models read as numbers or booleans, and numbers read as booleans: FHIR JSON keeps them apart."""
    if isinstance(node, dict):
        for name, child in node.items():
            if isinstance(child, str) and not (child in ("true", "false") or _NUMBER.fullmatch(child)):
                continue
            yield from _coerced(child, _attribute(built, name), f"{path}.{name}")
    elif isinstance(node, list) and isinstance(built, list):
        for index, (child, model) in enumerate(zip(node, built, strict=False)):
            yield from _coerced(child, model, f"{path}[{index}]")
    elif built is not None and not isinstance(node, list):
        is_text = isinstance(node, str)
        if is_text and (isinstance(built, bool | int | float) or type(built).__name__ == "Decimal"):
            yield error(
                "value", "A JSON number or boolean is expected here, not a string.", path, "json-type"
            )
        elif isinstance(built, bool) and not isinstance(node, bool):
            yield error("value", _TEXTS["bool_type"][1], path, "json-type")


def _attribute(built: Any, name: str) -> Any:
    found = getattr(built, name, None)
    return getattr(built, f"{name}_fhir", None) if found is None or callable(found) else found
