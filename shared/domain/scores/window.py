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
    Row,
    Slots,
    VitalsState,
    decode_slots,
    encode_outcome,
    fill_slots,
    not_counted,
    parameters_in,
)
from shared.domain.vitals import Parameter, VitalReading

Key = tuple[int, str]
Scores = dict[str, Score]


def score_row(
    id_: str, row: Row, inputs: Mapping[Parameter, VitalReading], slots: Slots, context: PatientContext
) -> tuple[Row, list[Score]]:
    """The row with its outcomes, and the scores that it triggers, from inputs and slots that include its own values."""
    at, scores, outcomes = from_us(row[AT]), [], []
    unused = not_counted(slots, row[AT])
    for rule in RULES:
        outcome = None
        if any(name in row[VALUES] for name in rule.parameters):
            score = rule.evaluate(inputs, context, at, trigger=id_, not_counted=unused)
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
            fill_slots(old_slots, key[1], old_row)
            made = _as_said(key[1], old_row, old_slots, context_before)
            old.update((score.key, score) for score in made)
        if new_row is not None:
            fill_slots(new_slots, key[1], new_row)
            new_rows[key[1]], made = score_row(
                key[1], new_row, decode_slots(new_slots), new_slots, context_after
            )
            new.update((score.key, score) for score in made)
    else:
        after["slots"] = new_slots
        return old, new
    after["slots"] = before["slots"]  # from where both agree, the last values are what they were
    return old, new


def slots_before(state: VitalsState, first: Key) -> Slots:
    """The slots before a place."""
    wanted = parameters_in(state["slots"])  # no other parameter was ever seen
    needed: list[tuple[str, Row]] = []
    since = None
    for id_, row in reversed(state["rows"].items()):
        if (row[AT], id_) >= first:
            continue
        if since is not None and row[AT] < since:
            break
        needed.append((id_, row))
        wanted.difference_update(row[VALUES])
        if not wanted and since is None:
            since = row[AT]
    slots = dict(state["base"]["slots"])
    for id_, row in reversed(needed):
        fill_slots(slots, id_, row)
    return slots


def _as_said(id_: str, row: Row, slots: Slots, context: PatientContext) -> list[Score]:
    """The scores of a row as they were told: of values beyond today's limits where they were made of such."""
    scored, made = score_row(id_, row, decode_slots(slots), slots, context)
    if scored[OUTCOMES] == row[OUTCOMES]:
        return made
    return score_row(id_, row, decode_slots(slots, whatever=True), slots, context)[1]


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
