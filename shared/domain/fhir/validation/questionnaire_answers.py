"""A QuestionnaireResponse held against the Questionnaire that it contains.

https://hl7.org/fhir/R4/questionnaireresponse.html: answers have the structure, the types and the options of the questions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from shared.domain.fhir.outcome import Issue, error
from shared.domain.fhir.validation.questionnaire_enabling import Answers, answers_of

_COMPLETE: Final = frozenset({"completed", "amended"})
"""A response of another status may still lack answers."""
_TEXT: Final = ("String",)
_CHOSEN: Final = ("Coding", "Date", "Time", "Integer", "String", "Reference")
_TYPES: Final[dict[str, tuple[str, ...]]] = {
    "boolean": ("Boolean",),
    "decimal": ("Decimal",),
    "integer": ("Integer",),
    "date": ("Date",),
    "dateTime": ("DateTime",),
    "time": ("Time",),
    "string": _TEXT,
    "text": _TEXT,
    "url": ("Uri",),
    "choice": _CHOSEN,
    "open-choice": _CHOSEN,
    "attachment": ("Attachment",),
    "reference": ("Reference",),
    "quantity": ("Quantity",),
}
"""Questionnaire.item.type → what `value` of an answer ends with: https://hl7.org/fhir/R4/valueset-item-type.html."""


def response_issues(response: dict[str, Any], path: str) -> Iterator[Issue]:
    """What is wrong with the answers by the contained Questionnaire; nothing where none is contained or it is no list."""
    address = response.get("questionnaire")
    if response.get("resourceType") != "QuestionnaireResponse" or not isinstance(address, str):
        return
    for _, contained in _objects(response.get("contained")):
        is_meant = address == f"#{contained.get('id')}" and contained.get("resourceType") == "Questionnaire"
        if is_meant:
            reading = _Reading(answers_of(response), is_complete=response.get("status") in _COMPLETE)
            yield from reading.items(response, contained, path)


class _Reading:
    def __init__(self, answers: Answers, *, is_complete: bool) -> None:
        self._answers = answers
        self._is_complete = is_complete

    def items(self, owner: dict[str, Any], asking: dict[str, Any], path: str) -> Iterator[Issue]:
        """The items of a response, an item or an answer, against the questions of a questionnaire or a question."""
        questions = {
            question["linkId"]: (place, question)
            for place, question in _objects(asking.get("item"))
            if isinstance(question.get("linkId"), str)
        }
        seen: set[str] = set()
        last = -1
        for index, item in _objects(owner.get("item")):
            where, link = f"{path}.item[{index}]", item.get("linkId")
            if not isinstance(link, str):
                continue
            if link not in questions:
                text = "The Questionnaire has no item of this linkId at this place."
                yield error("not-found", text, f"{where}.linkId", "answer-link")
                continue
            place, question = questions[link]
            if place < last:
                yield error(
                    "structure",
                    "The items stand in another order than their questions.",
                    where,
                    "answer-order",
                )
            elif link in seen and question.get("repeats") is not True:
                yield error(
                    "structure", "The question of this item does not repeat.", where, "answer-repeats"
                )
            seen.add(link)
            last = max(last, place)
            yield from self._item(item, question, where)
        if self._is_complete:
            for link, (_, question) in questions.items():
                if link not in seen and self._is_owed(question):
                    text = "A required question has no answer, and the response is not in progress."
                    yield error("required", text, path, "answer-required")

    def _is_owed(self, question: dict[str, Any]) -> bool:
        return (
            question.get("required") is True
            and question.get("type") != "display"
            and self._answers.is_enabled(question) is True
        )

    def _item(self, item: dict[str, Any], question: dict[str, Any], where: str) -> Iterator[Issue]:
        if isinstance(item.get("text"), str) and item["text"] != question.get("text", item["text"]):
            text = "The text is not that of the question: who reads the response sees another question."
            yield Issue("warning", "invalid", text, f"{where}.text", "answer-text")
        type_, given = question.get("type"), [each for _, each in _objects(item.get("answer"))]
        if given and self._answers.is_enabled(question) is False:
            yield error(
                "invalid",
                "The question is not enabled, and here is an answer to it.",
                where,
                "answer-enabled",
            )
        if type_ in ("group", "display"):
            if given:
                yield error(
                    "structure", f"An item of type {type_} has no answer.", f"{where}.answer", "answer-none"
                )
            if type_ == "group":
                yield from self.items(item, question, where)
            return
        if "item" in item:
            text = "What a question holds stands in its answer (answer.item), not in its item."
            yield error("structure", text, f"{where}.item", "answer-nesting")
        if not given and self._is_complete and self._is_owed(question):
            text = "A required question has no answer, and the response is not in progress."
            yield error("required", text, where, "answer-required")
        if len(given) > 1 and question.get("repeats") is not True:
            yield error("structure", "The question takes one answer.", f"{where}.answer", "answer-repeats")
        for index, answer in enumerate(given):
            yield from self._answer(answer, question, f"{where}.answer[{index}]")
            yield from self.items(answer, question, f"{where}.answer[{index}]")

    def _answer(self, answer: dict[str, Any], question: dict[str, Any], where: str) -> Iterator[Issue]:
        type_ = question.get("type")
        kinds = _TYPES.get(type_, ()) if isinstance(type_, str) else ()
        named = [name.removeprefix("value") for name in answer if name.startswith("value")]
        if not kinds or len(named) != 1:
            return
        kind = named[0]
        if kind not in kinds:
            text = (
                f"An answer to a question of type {type_} is {' or '.join(f'value{each}' for each in kinds)}."
            )
            yield error("structure", text, where, "answer-type")
            return
        options = [each for _, each in _objects(question.get("answerOption"))]
        is_free = type_ == "open-choice" and kind == "String"
        if options and not is_free and not any(_is_option(answer, each, f"value{kind}") for each in options):
            yield error(
                "code-invalid", "The answer is none of the options of its question.", where, "answer-option"
            )


def _is_option(answer: dict[str, Any], option: dict[str, Any], name: str) -> bool:
    given, offered = answer[name], option.get(name)
    if not isinstance(given, dict) or not isinstance(offered, dict) or "reference" in offered:
        return bool(given == offered)
    return all(given.get(each) == offered.get(each) for each in ("system", "code"))


def _objects(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield index, item
