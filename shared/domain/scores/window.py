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
    UNUSED,
    VALUES,
    Last,
    Row,
    VitalsState,
    decode_slots,
    encode_outcome,
)
from shared.domain.vitals import Parameter, VitalReading

Key = tuple[int, str]
Scores = dict[str, Score]


def score_row(
    id_: str, row: Row, inputs: Mapping[Parameter, VitalReading], last: Last, context: PatientContext
) -> tuple[Row, list[Score]]:
    """The row with its outcomes, and the scores that it triggers, from inputs and last values that include its own."""
    at, scores, outcomes = from_us(row[AT]), [], []
    unused = last.not_counted(row[AT])
    for rule in RULES:
        outcome = None
        if any(name in row[VALUES] for name in rule.parameters):
            score = rule.evaluate(inputs, context, at, trigger=id_, not_counted=unused)
            if score.total is not None:
                scores.append(score)
                outcome = encode_outcome(outcome_of(rule, score))
        outcomes.append(outcome)
    return [*row[:OUTCOMES], outcomes, *row[UNUSED:]], scores


def rescore(
    before: VitalsState,
    after: VitalsState,
    changed: Iterable[Key],
    context_before: PatientContext,
    context_after: PatientContext,
) -> tuple[Scores, Scores]:
    """The scores by key that the change could have touched, as they were and as they are.

    Fills the outcomes and the last values of `after`. `changed` are the places of rows put or dropped, old and new;
    a changed context touches everything.
    """
    places = sorted(changed)
    everything = context_before != context_after or not places
    first = (0, "") if everything else places[0]
    before_last = last_before(before, first)  # the same on both sides: nothing before `first` has changed
    after_last = before_last.copy()
    touched_until = None if everything else places[-1]
    old: Scores = {}
    new: Scores = {}
    for key, old_row, new_row in _merged(before["rows"], after["rows"], first):
        if touched_until is not None and key > touched_until and before_last.says_what(after_last):
            break
        if old_row is not None:
            before_last.fill(key[1], old_row)
            made = _as_said(key[1], old_row, before_last, context_before)
            old.update((score.key, score) for score in made)
        if new_row is not None:
            after_last.fill(key[1], new_row)
            inputs = decode_slots(after_last.slots)
            after["rows"][key[1]], made = score_row(key[1], new_row, inputs, after_last, context_after)
            new.update((score.key, score) for score in made)
    else:
        after.update(after_last.kept())
        return old, new
    if before_last == after_last:
        after.update(Last.in_(before).kept())  # from where both agree, the last values are what they were
    else:
        after.update(_last_behind(after_last, after["rows"], key).kept())
    return old, new


def last_before(state: VitalsState, first: Key) -> Last:
    """The last values before a place."""
    wanted = Last.in_(state).parameters()  # no other parameter was ever seen
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
    last = Last.in_(state["base"])
    for id_, row in reversed(needed):
        last.fill(id_, row)
    return last


def _last_behind(last: Last, rows: Mapping[str, Row], first: Key) -> Last:
    """The last values behind the rows from a place on; fills `last`."""
    for id_, row in rows.items():
        if (row[AT], id_) >= first:
            last.fill(id_, row)
    return last


def _as_said(id_: str, row: Row, last: Last, context: PatientContext) -> list[Score]:
    """The scores of a row as they were told: of values beyond today's limits where they were made of such."""
    scored, made = score_row(id_, row, decode_slots(last.slots), last, context)
    if scored[OUTCOMES] == row[OUTCOMES]:
        return made
    return score_row(id_, row, decode_slots(last.slots, whatever=True), last, context)[1]


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
