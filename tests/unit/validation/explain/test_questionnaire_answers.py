"""Answers are held against the questionnaire that their response contains."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.fhir.validation.validator import R4Validator
from tests.unit.validation.explain.resources import errors

STRING = {"linkId": "1", "type": "string", "text": "Name?"}
GROUP = {"linkId": "g", "type": "group", "item": [{"linkId": "g.1", "type": "integer", "required": True}]}
CHOICE = {
    "linkId": "c",
    "type": "choice",
    "answerOption": [{"valueCoding": {"system": "urn:colours", "code": "red", "display": "Red"}}],
}
YES = {"linkId": "yes", "type": "boolean"}


def when(operator: str, **answer: Any) -> dict[str, Any]:
    rule = {"question": "yes", "operator": operator, **answer}
    return {"linkId": "why", "type": "string", "required": True, "enableWhen": [rule]}


def response(questions: list[Any], items: list[Any], status: str = "completed") -> dict[str, Any]:
    questionnaire = {"resourceType": "Questionnaire", "id": "q", "status": "active", "item": questions}
    return {
        "resourceType": "QuestionnaireResponse",
        "status": status,
        "contained": [questionnaire],
        "questionnaire": "#q",
        "item": items,
    }


def item(link: str, *answers: Any, name: str = "valueString", **more: Any) -> dict[str, Any]:
    held = {"answer": [{name: each} for each in answers]} if answers else {}
    return {"linkId": link, **held, **more}


RED = {"system": "urn:colours", "code": "red"}
BLUE = {"system": "urn:colours", "code": "blue"}


@pytest.mark.parametrize(
    ("questions", "items"),
    [
        ([STRING], [item("1", "Jo")]),
        ([STRING, GROUP], [item("1"), item("g", item=[item("g.1", 3, name="valueInteger")])]),
        ([CHOICE], [item("c", RED, name="valueCoding")]),
        ([{**CHOICE, "type": "open-choice"}], [item("c", "turquoise")]),
        ([{**STRING, "repeats": True}], [item("1", "Jo", "Ann")]),
        ([YES, when("=", answerBoolean=True)], [item("yes", False, name="valueBoolean")]),
        (
            [YES, when("exists", answerBoolean=True)],
            [item("yes", True, name="valueBoolean"), item("why", "x")],
        ),
    ],
)
def test_answers_that_fit_are_accepted(questions: list[Any], items: list[Any]) -> None:
    fitting = response(questions, items)
    assert errors(fitting) == []
    assert R4Validator(best_practice=False).validate(fitting) == []


@pytest.mark.parametrize(
    ("questions", "items", "rule", "where"),
    [
        ([STRING], [item("2", "Jo")], "answer-link", "item[0].linkId"),
        ([STRING], [item("1", True, name="valueBoolean")], "answer-type", "item[0].answer[0]"),
        ([STRING], [item("1", "Jo", "Ann")], "answer-repeats", "item[0].answer"),
        ([STRING], [item("1", "Jo"), item("1", "Ann")], "answer-repeats", "item[1]"),
        ([STRING, YES], [item("yes"), item("1", "Jo")], "answer-order", "item[1]"),
        ([GROUP], [item("g")], "answer-required", "item[0]"),
        ([GROUP], [item("g", item=[item("g.1")])], "answer-required", "item[0].item[0]"),
        ([{**GROUP, "item": [STRING]}], [item("g", "Jo")], "answer-none", "item[0].answer"),
        ([CHOICE], [item("c", BLUE, name="valueCoding")], "answer-option", "item[0].answer[0]"),
        ([STRING], [item("1", item=[item("1", "Jo")])], "answer-nesting", "item[0].item"),
        (
            [YES, when("=", answerBoolean=True)],
            [item("yes", False, name="valueBoolean"), item("why", "x")],
            "answer-enabled",
            "item[1]",
        ),
        (
            [YES, when("=", answerBoolean=True)],
            [item("yes", True, name="valueBoolean")],
            "answer-required",
            "",
        ),
    ],
)
def test_answers_that_do_not_fit_are_refused(
    questions: list[Any], items: list[Any], rule: str, where: str
) -> None:
    found = errors(response(questions, items))
    assert (rule, f"QuestionnaireResponse.{where}".rstrip(".")) in found
    rules = {issue.rule for issue in R4Validator(best_practice=False).validate(response(questions, items))}
    assert rule in rules


def test_a_response_in_progress_owes_no_answers() -> None:
    assert errors(response([GROUP], [item("g")], status="in-progress")) == []


def test_another_text_than_the_question_has_is_remarked_on() -> None:
    found = R4Validator(best_practice=False).validate(response([STRING], [item("1", "Jo", text="Age?")]))
    assert [(issue.severity, issue.rule) for issue in found] == [("warning", "answer-text")]
