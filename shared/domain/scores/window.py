"""Scores the rows of a state: one that is appended, or all that a change out of order can reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shared.domain.alerts.episodes import from_us
from shared.domain.scores import RULES
from shared.domain.scores.fold import outcome_of
from shared.domain.scores.model import PatientContext, Score
from shared.domain.scores.state import (
    AT,
    OUTCOMES,
    VALUES,
    VERSION,
    Row,
    Slots,
    VitalsState,
    decode_slots,
    encode_outcome,
    fill_slots,
)
from shared.domain.vitals import Parameter, VitalReading

Key = tuple[int, str]
Scores = dict[str, Score]


def score_row(
    id_: str, row: Row, inputs: Mapping[Parameter, VitalReading], context: PatientContext
) -> tuple[Row, list[Score]]:
    """The row with its outcomes, and the scores that it triggers, from inputs that include its own values."""
    at, scores, outcomes = from_us(row[AT]), [], []
    for rule in RULES:
        outcome = None
        if any(name in row[VALUES] for name in rule.parameters):
            score = rule.evaluate(inputs, context, at, trigger=id_)
            if score.total is not None:
                scores.append(score)
                outcome = encode_outcome(outcome_of(rule, score))
        outcomes.append(outcome)
    return [*row[:OUTCOMES], outcomes], scores


def rescore(
    before: VitalsState,
    after: VitalsState,
    changed: Iterable[Key],
    context_before: PatientContext,
    context_after: PatientContext,
) -> tuple[Scores, Scores]:
    """The scores by key that the change could have touched, as they were and as they are.

    Fills the outcomes and the slots of `after`. `changed` are the places of rows put or dropped, old and new;
    a changed context touches everything.
    """
    places = sorted(changed)
    everything = context_before != context_after or not places
    first = (0, "") if everything else places[0]
    old_rows, new_rows = before["rows"], after["rows"]
    old_slots = slots_before(before, first)  # the same on both sides: nothing before `first` has changed
    new_slots = dict(old_slots)
    last = None if everything else places[-1]
    old: Scores = {}
    new: Scores = {}
    rest = _merged(old_rows, new_rows, first)
    for key, old_row, new_row in rest:
        if last is not None and key > last and old_slots == new_slots:
            break
        if old_row is not None:
            _take(key[1], old_row, old_slots, context_before, old)
        if new_row is not None:
            new_rows[key[1]] = _take(key[1], new_row, new_slots, context_after, new)
    else:
        after["slots"] = new_slots
        return old, new
    after["slots"] = before["slots"]  # from where both agree, the last values are what they were
    return old, new


def slots_before(state: VitalsState, first: Key) -> Slots:
    """The last value of each parameter before a place."""
    slots: Slots = {}
    for id_, row in reversed(state["rows"].items()):
        if (row[AT], id_) >= first:
            continue
        for name, text in row[VALUES].items():
            if name not in slots:
                slots[name] = [row[AT], id_, row[VERSION], text]
        if len(slots) == len(state["slots"]):  # no other parameter was ever seen
            break
    return {**state["base"]["slots"], **slots}


def _take(id_: str, row: Row, slots: Slots, context: PatientContext, scores: Scores) -> Row:
    fill_slots(slots, id_, row)
    scored, made = score_row(id_, row, decode_slots(slots), context)
    scores.update((score.key, score) for score in made)
    return scored


def _merged(
    old_rows: Mapping[str, Row], new_rows: Mapping[str, Row], first: Key
) -> list[tuple[Key, Row | None, Row | None]]:
    """The places from `first` on, with what was and what is there; an id that moved has two places."""
    places: dict[Key, list[Row | None]] = {}
    for side, rows in enumerate((old_rows, new_rows)):
        for id_, row in rows.items():
            if (row[AT], id_) >= first:
                places.setdefault((row[AT], id_), [None, None])[side] = row
    return [(key, old, new) for key, (old, new) in sorted(places.items())]
