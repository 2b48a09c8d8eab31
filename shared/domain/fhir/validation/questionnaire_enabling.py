"""Whether a question is enabled by the answers to others.

https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any, Final

_ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {">": gt, "<": lt, ">=": ge, "<=": le}


class Answers:
    """The answers of a response by the linkIds of their questions."""

    def __init__(self, by_link: Mapping[str, Sequence[dict[str, Any]]]) -> None:
        self._by_link = by_link

    def is_enabled(self, question: dict[str, Any]) -> bool | None:
        """Whether a question is asked; None where a rule compares what cannot be compared here."""
        rules = question.get("enableWhen")
        if not isinstance(rules, list) or not rules:
            return True
        met = [self._is_met(rule) for rule in rules if isinstance(rule, dict)]
        if question.get("enableBehavior") == "any":
            return True if True in met else None if None in met else False
        return False if False in met else None if None in met else True

    def _is_met(self, rule: dict[str, Any]) -> bool | None:
        given = self._by_link.get(str(rule.get("question")), ())
        name = next((each for each in rule if each.startswith("answer")), "")
        operator = rule.get("operator")
        if operator == "exists":
            return bool(given) is rule.get("answerBoolean")
        values = [
            answer[f"value{name.removeprefix('answer')}"]
            for answer in given
            if f"value{name.removeprefix('answer')}" in answer
        ]
        if len(values) < len(given):
            return None
        found = [_holds(operator, value, rule[name]) for value in values]
        return True if True in found else None if None in found else False


def answers_of(response: dict[str, Any]) -> Answers:
    """All answers of a response, wherever they stand."""
    by_link: dict[str, list[dict[str, Any]]] = {}
    stack: list[Any] = [response]
    while stack:
        node = stack.pop()
        for item in _listed(node.get("item")):
            answers = _listed(item.get("answer"))
            by_link.setdefault(str(item.get("linkId")), []).extend(answers)
            stack += [item, *answers]
    return Answers(by_link)


def _listed(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _holds(operator: Any, given: Any, wanted: Any) -> bool | None:
    if operator in ("=", "!="):
        is_same = _is_same(given, wanted)
        return None if is_same is None else is_same is (operator == "=")
    order = _ORDERS.get(operator)
    numbers = all(isinstance(each, int | Decimal) and not isinstance(each, bool) for each in (given, wanted))
    texts = isinstance(given, str) and isinstance(wanted, str) and len(given) == len(wanted)
    return order(given, wanted) if order is not None and (numbers or texts) else None


def _is_same(given: Any, wanted: Any) -> bool | None:
    if not isinstance(given, dict) or not isinstance(wanted, dict):
        return bool(given == wanted)
    if "value" in given or "reference" in given:
        return True if given == wanted else None
    return all(given.get(each) == wanted.get(each) for each in ("system", "code"))
