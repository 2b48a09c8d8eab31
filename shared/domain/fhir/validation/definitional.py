"""What the specification asks in words of the resources that define things: addresses, code lists, search parameters.

https://hl7.org/fhir/R4/resource.html#canonical and the page of each resource
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final

from shared.domain.fhir import fhirpath
from shared.domain.fhir.definitions.model import Definitions
from shared.domain.fhir.fhirpath import syntax
from shared.domain.fhir.fhirpath.inference import Inference
from shared.domain.fhir.outcome import Issue, error
from shared.domain.fhir.validation.code_shapes import codes_of
from shared.domain.fhir.validation.definitional_structures import structure_issues
from shared.domain.fhir.validation.primitives import is_absolute

_SEARCH_PARAMETERS: Final = "search_parameter_types.json"
_PARAMETER_BASE: Final = "http://hl7.org/fhir/SearchParameter/"
_FHIRPATH: Final = "text/fhirpath"
_ANY_RESOURCE: Final = frozenset({"Resource", "DomainResource"})

Judge = Callable[[dict[str, Any], Definitions, str], Iterator[Issue]]


MAX_EXPRESSIONS: Final = 2_500
"""New ones that one validation compiles, at up to a millisecond each; all definitions of the specification have 1,700."""


def expressions_compiled() -> int:
    """How many expressions this process has compiled: those that come again are kept."""
    return fhirpath.compile.cache_info().misses


def definitional_issues(resource: dict[str, Any], definitions: Definitions, path: str) -> Iterator[Issue]:
    """The findings about one resource that no type, binding or invariant tells; none for resources that define nothing."""
    type_name = str(resource.get("resourceType"))
    url = resource.get("url")
    if (
        isinstance(url, str)
        and url
        and not is_absolute(url)
        and "url" in definitions.type(type_name).elements
    ):
        text = "The url of a definition is its canonical address: an absolute URL or URI."
        yield error("invalid", text, f"{path}.url", "definition-url")
    judge = _JUDGES.get(type_name)
    if judge is not None:
        yield from judge(resource, definitions, path)


def _value_set(resource: dict[str, Any], definitions: Definitions, path: str) -> Iterator[Issue]:
    """https://hl7.org/fhir/R4/valueset.html#compositions"""
    compose = resource.get("compose")
    if not isinstance(compose, dict):
        return
    for name in ("include", "exclude"):
        for index, part in _objects(compose.get(name)):
            where = f"{path}.compose.{name}[{index}]"
            system = part.get("system")
            if not isinstance(system, str):
                continue
            if system and not is_absolute(system):
                text = "The system is the absolute URI of a code system; a contained one is named by its url too."
                yield error("invalid", text, f"{where}.system", "value-set-system")
            codes = codes_of(system, definitions)
            for position, concept in _objects(part.get("concept")):
                code = concept.get("code")
                if isinstance(code, str) and codes is not None and code not in codes:
                    text = "The code system that is named has no such code."
                    yield error("code-invalid", text, f"{where}.concept[{position}].code", "code-unknown")
            if any(language != _FHIRPATH for language in _expression_languages(part.get("filter"))):
                text = "An expression that chooses the codes of a value set is FHIRPath (text/fhirpath)."
                yield error("invalid", text, f"{where}.filter", "value-set-expression")


def _expression_languages(value: Any) -> Iterator[Any]:
    """The languages of all Expressions in a part of a value set."""
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            expression = node.get("valueExpression")
            if isinstance(expression, dict) and "language" in expression:
                yield expression["language"]
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def _search_parameter(resource: dict[str, Any], definitions: Definitions, path: str) -> Iterator[Issue]:
    """https://hl7.org/fhir/R4/searchparameter.html: the expression selects from the types in `base`."""
    expression, base = resource.get("expression"), resource.get("base")
    if not isinstance(expression, str) or not expression.strip():
        return
    try:
        tree = fhirpath.compile(expression).tree
    except fhirpath.FhirPathError:
        yield error("invalid", "The expression is not FHIRPath.", f"{path}.expression", "search-expression")
        return
    bases = [name for name in base if isinstance(name, str)] if isinstance(base, list) else []
    if not bases or _ANY_RESOURCE.intersection(bases):
        return
    elsewhere = [
        name
        for name in sorted(_roots(tree) & definitions.resource_types)
        if not any(definitions.is_subtype(each, name) for each in bases)
    ]
    for name in elsewhere:
        text = f"The expression begins at {name}, which is not in base."
        yield error("invalid", text, f"{path}.expression", "search-expression-base")
    inference = Inference(definitions, {})
    inference.types(tree, frozenset(bases))
    for name in dict.fromkeys(inference.impossible):
        if name not in elsewhere:
            text = f"The expression looks for an element {name} where no type of R4 has one."
            yield error("invalid", text, f"{path}.expression", "search-expression-element")


def _roots(tree: syntax.Node) -> set[str]:
    """The names at which the paths of an expression begin, where they are joined by `|` or `or`."""
    match tree:
        case syntax.Binary(operator="|" | "or" | "and"):
            return _roots(tree.left) | _roots(tree.right)
        case syntax.Binary():
            return _roots(tree.left)
        case syntax.Member(source=None) | syntax.Call(source=None):
            return {tree.name}
        case syntax.Member(source=source) | syntax.Call(source=source) | syntax.Index(source=source) if (
            source
        ):
            return _roots(source)
        case syntax.TypeTest():
            return _roots(tree.operand)
        case _:
            return set()


def _capability_statement(resource: dict[str, Any], _: Definitions, path: str) -> Iterator[Issue]:
    """https://hl7.org/fhir/R4/capabilitystatement.html: a search parameter has the type of its definition."""
    for rest_index, rest in _objects(resource.get("rest")):
        holders = [(f"{path}.rest[{rest_index}]", rest)]
        holders += [
            (f"{path}.rest[{rest_index}].resource[{index}]", part)
            for index, part in _objects(rest.get("resource"))
        ]
        for where, holder in holders:
            for index, parameter in _objects(holder.get("searchParam")):
                defined = parameter.get("definition")
                expected = _type_of_parameter(defined) if isinstance(defined, str) else ""
                if expected and isinstance(parameter.get("type"), str) and parameter["type"] != expected:
                    text = f"The search parameter that is named here is of type {expected}."
                    yield error(
                        "invalid", text, f"{where}.searchParam[{index}].type", "search-parameter-type"
                    )


def _code_system(resource: dict[str, Any], _: Definitions, path: str) -> Iterator[Issue]:
    """https://hl7.org/fhir/R4/codesystem.html: what content, count and supplements say of each other and the concepts."""
    content, supplements = resource.get("content"), "supplements" in resource
    if supplements != (content == "supplement"):
        text = (
            "Content is supplement where, and only where, supplements names the code system that is added to."
        )
        yield error("business-rule", text, f"{path}.content", "code-system-supplement")
    for name in ("caseSensitive", "hierarchyMeaning"):
        if supplements and name in resource:
            text = "A supplement leaves this to the code system that it adds to."
            yield error("business-rule", text, f"{path}.{name}", "code-system-supplement")
    if content == "not-present" and "concept" in resource:
        text = "Content is not-present, and here are concepts: say fragment, example or complete."
        yield error("invalid", text, f"{path}.content", "code-system-content")
    count = resource.get("count")
    if content == "complete" and isinstance(count, int) and count != _concepts(resource):
        text = "The count is not the number of concepts in this complete code system, those below others included."
        yield error("invalid", text, f"{path}.count", "code-system-count")
    yield from _property_issues(resource, path)


def _property_issues(resource: dict[str, Any], path: str) -> Iterator[Issue]:
    """https://hl7.org/fhir/R4/codesystem.html#properties: in each concept of the type that is declared."""
    types: dict[str, str] = {}
    for _, declared in _objects(resource.get("property")):
        code, type_ = declared.get("code"), declared.get("type")
        if not isinstance(code, str) or not isinstance(type_, str):
            continue
        types[code] = f"value{type_[:1].upper()}{type_[1:]}"
    if types:
        yield from _wrong_properties(resource, types, path)


def _wrong_properties(owner: dict[str, Any], types: dict[str, str], path: str) -> Iterator[Issue]:
    for place, concept in _objects(owner.get("concept")):
        where = f"{path}.concept[{place}]"
        for index, held in _objects(concept.get("property")):
            code = held.get("code")
            wanted = types.get(code) if isinstance(code, str) else None
            if wanted and wanted not in held and any(name.startswith("value") for name in held):
                text = "The value of a property is of the type that the code system declares for it."
                yield error("invalid", text, f"{where}.property[{index}]", "code-system-property")
        if "concept" in concept:
            yield from _wrong_properties(concept, types, where)


def _concepts(owner: dict[str, Any]) -> int:
    return sum(1 + _concepts(concept) for _, concept in _objects(owner.get("concept")))


def _questionnaire(resource: dict[str, Any], _: Definitions, path: str) -> Iterator[Issue]:
    """https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen.question"""
    order: dict[str, int] = {}
    items = list(_items(resource, path))
    for position, (item, _where) in enumerate(items):
        if isinstance(item.get("linkId"), str):
            order.setdefault(item["linkId"], position)
    for position, (item, where) in enumerate(items):
        for index, rule in _objects(item.get("enableWhen")):
            question, place = rule.get("question"), f"{where}.enableWhen[{index}].question"
            if not isinstance(question, str):
                continue
            target = order.get(question)
            if target is None:
                text = "No item of this Questionnaire has this linkId."
                yield error("not-found", text, place, "enable-when-target")
            elif target == position:
                text = "An item cannot be enabled by its own answer."
                yield error("business-rule", text, place, "enable-when-self")
            elif target > position:
                text = "The question comes after this item, so that its answer is not known yet."
                yield Issue("warning", "business-rule", text, place, "enable-when-order")


def _items(owner: dict[str, Any], path: str) -> Iterator[tuple[dict[str, Any], str]]:
    for index, item in _objects(owner.get("item")):
        where = f"{path}.item[{index}]"
        yield item, where
        yield from _items(item, where)


def _objects(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield index, item


def _type_of_parameter(url: str) -> str:
    """The type of one of R4's own search parameters, "" for any other."""
    return _parameter_types().get(url.partition("|")[0].removeprefix(_PARAMETER_BASE), "")


@cache
def _parameter_types() -> dict[str, str]:
    from pathlib import Path

    by_type: dict[str, str] = json.loads(Path(__file__).with_name(_SEARCH_PARAMETERS).read_text("utf-8"))
    return {name: type_ for type_, names in by_type.items() for name in names.split()}


_JUDGES: Final[dict[str, Judge]] = {
    "CapabilityStatement": _capability_statement,
    "CodeSystem": _code_system,
    "Questionnaire": _questionnaire,
    "SearchParameter": _search_parameter,
    "StructureDefinition": structure_issues,
    "ValueSet": _value_set,
}
