"""The invariants of code systems, questionnaires, test scripts and others that define things, written by hand.

https://hl7.org/fhir/R4/codesystem.html, https://hl7.org/fhir/R4/questionnaire.html and the page of each resource.
Each answers True only where the published expression surely holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from shared.domain.fhir.validation.fast.context import CONTEXT

_NAME: Final = re.compile(r"[A-Z][A-Za-z0-9_]{0,254}", re.ASCII).fullmatch
_ASSERTED: Final = frozenset(
    {
        "contentType", "expression", "headerField", "minimumId", "navigationLinks", "path", "requestMethod", "resource",
        "responseCode", "response", "validateProfileId",
    }
)  # fmt: skip
_ADDRESSES: Final = ("targetId", "url", "params")
_WITH_OPTIONS: Final = frozenset(
    {"choice", "open-choice", "decimal", "integer", "date", "dateTime", "time", "string", "quantity"}
)
_WITH_LENGTH: Final = frozenset({"boolean", "decimal", "integer", "string", "text", "url", "open-choice"})

Rule = Callable[[dict[str, Any]], bool]


def _has_name_for_machines(definition: dict[str, Any]) -> bool:
    """csd-0, vsd-0 and their like"""
    return _NAME(definition["name"]) is not None


def _all_distinct(name: str, key: str) -> Rule:
    """csd-1 and que-2: no two of the elements that nest by `name` have the same `key`."""

    def rule(resource: dict[str, Any]) -> bool:
        if "contained" in resource:
            return False
        found: list[str] = []
        levels = [resource.get(name, ())]
        for level in levels:
            found += [each[key] for each in level]
            levels += [each[name] for each in level if name in each]
        return len(set(found)) == len(found)

    return rule


def _each_once(name: str, key: str) -> Rule:
    """cpb-9 and cpb-12"""

    def rule(owner: dict[str, Any]) -> bool:
        return len({each[key] for each in owner[name]}) == len(owner[name])

    return rule


def _is_none_of(name: str, *codes: str) -> Rule:
    return lambda owner: owner[name] not in codes


def _is_one_of(name: str, codes: frozenset[str]) -> Rule:
    return lambda owner: owner[name] in codes


def _has_items_if_group(item: dict[str, Any]) -> bool:
    """que-1"""
    return item["type"] not in ("group", "display") or (item["type"] == "group") == ("item" in item)


def _says_how_rules_join(item: dict[str, Any]) -> bool:
    """que-12"""
    return len(item["enableWhen"]) == 1 or "enableBehavior" in item


def _begins_with_one(item: dict[str, Any]) -> bool:
    """que-13"""
    return len(item["initial"]) == 1 or item["repeats"] is True


def _is_asked_whether_it_exists(rule: dict[str, Any]) -> bool:
    """que-7"""
    return rule["operator"] != "exists" or "answerBoolean" in rule


def _asserts_one_thing(assertion: dict[str, Any]) -> bool:
    """tst-5"""
    return len(_ASSERTED & assertion.keys()) <= 1 and _has_plain_properties(assertion)


def _has_one_address(operation: dict[str, Any]) -> bool:
    """tst-7"""
    return sum(name in operation for name in _ADDRESSES) == 1 and _has_plain_properties(operation)


def _looks_at_response(assertion: dict[str, Any]) -> bool:
    """tst-12"""
    return bool(assertion["direction"] == "response")


def _has_plain_properties(element: dict[str, Any]) -> bool:
    """Whether no primitive is there by its extensions alone."""
    return not any(name.startswith("_") for name in element)


def _stratifies_in_one_way(measure: dict[str, Any]) -> bool:
    """mea-1"""
    return all(
        stratifier.keys().isdisjoint(("code", "description", "criteria")) == ("component" in stratifier)
        and "_description" not in stratifier
        for group in measure["group"]
        for stratifier in group.get("stratifier", ())
    )


def _member_may_act_for_others(participant: dict[str, Any]) -> bool:
    """ctm-1: a member that can be found from here is a Practitioner."""
    reading, reference = CONTEXT.reading, participant["member"]["reference"]
    if reference[:1] == "#":
        return (
            reading.contained is not None
            and reading.contained[reference[1:]]["resourceType"] == "Practitioner"
        )
    return reading.bundle is None


NATIVE_OF_DEFINITIONS: Final[Mapping[str, Rule]] = {
    "name.exists() implies name.matches('^[A-Z]([A-Za-z0-9_]){0,254}$')": _has_name_for_machines,
    "concept.code.combine($this.descendants().concept.code).isDistinct()": _all_distinct("concept", "code"),
    "descendants().linkId.isDistinct()": _all_distinct("item", "linkId"),
    "resource.select(type).isDistinct()": _each_once("resource", "type"),
    "searchParam.select(name).isDistinct()": _each_once("searchParam", "name"),
    "(kind != 'instance') or implementation.exists()": _is_none_of("kind", "instance"),
    "(kind != 'capability') or (implementation.exists().not() and software.exists())": _is_none_of(
        "kind", "capability"
    ),
    "(kind!='requirements') or (implementation.exists().not() and software.exists().not())": _is_none_of(
        "kind", "requirements"
    ),
    (
        "(type='group' implies item.empty().not()) and "
        "(type.trace('type')='display' implies item.trace('item').empty())"
    ): _has_items_if_group,
    "type!='display' or code.empty()": _is_none_of("type", "display"),
    (
        "(type ='choice' or type = 'open-choice' or type = 'decimal' or type = 'integer' or type = 'date' or "
        "type = 'dateTime' or type = 'time' or type = 'string' or type = 'quantity') or "
        "(answerValueSet.empty() and answerOption.empty())"
    ): _is_one_of("type", _WITH_OPTIONS),
    "type!='display' or (required.empty() and repeats.empty())": _is_none_of("type", "display"),
    "(type!='group' and type!='display') or initial.empty()": _is_none_of("type", "group", "display"),
    "type!='display' or readOnly.empty()": _is_none_of("type", "display"),
    (
        "(type in ('boolean' | 'decimal' | 'integer' | 'string' | 'text' | 'url' | 'open-choice')) or maxLength.empty()"
    ): _is_one_of("type", _WITH_LENGTH),
    "enableWhen.count() > 1 implies enableBehavior.exists()": _says_how_rules_join,
    "repeats=true or initial.count() <= 1": _begins_with_one,
    "operator = 'exists' implies (answer is boolean)": _is_asked_whether_it_exists,
    (
        "sourceId.exists() or (targetId.count() + url.count() + params.count() = 1) or "
        "(type.code in ('capabilities' |'search' | 'transaction' | 'history'))"
    ): _has_one_address,
    (
        "extension.exists() or (contentType.count() + expression.count() + headerField.count() + minimumId.count() + "
        "navigationLinks.count() + path.count() + requestMethod.count() + resource.count() + responseCode.count() + "
        "response.count()  + validateProfileId.count() <=1)"
    ): _asserts_one_thing,
    (
        "(response.empty() and responseCode.empty() and direction = 'request') or direction.empty() or "
        "direction = 'response'"
    ): _looks_at_response,
    "group.stratifier.all((code | description | criteria).exists() xor component.exists())": (
        _stratifies_in_one_way
    ),
    (
        "onBehalfOf.exists() implies (member.resolve().iif(empty(), true, ofType(Practitioner).exists()))"
    ): _member_may_act_for_others,
}
"""By expression: a corrected definition is evaluated until its code is written anew."""
