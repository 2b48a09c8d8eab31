"""The fold, one step at a time: new readings against the state of the last 48 hours.

Equal to `fold` over everything that ever arrived in time. The newest reading costs one look into the window;
a reading out of order, a corrected or a withdrawn one rescores from its place until every parameter it
touched has been overwritten by a later reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.alerts.episodes import (
    Acknowledgement,
    alert_key,
    alert_of,
    from_us,
    to_us,
)
from shared.domain.scores import RULES
from shared.domain.scores.changes import (
    CREATED,
    Changes,
    ScoreChange,
    alert_changes,
    differences,
)
from shared.domain.scores.fold import newest
from shared.domain.scores.model import PatientContext, Score, ScoringRule, says_the_same
from shared.domain.scores.state import (
    AT,
    FAST,
    GONE,
    MARKS,
    ORDER,
    UNCOUNTED,
    VALUES,
    VERSION,
    Last,
    Row,
    VitalsState,
    decode_acknowledgements,
    decode_context,
    decode_slots,
    empty_state,
    encode_acknowledgement,
    encode_context,
    marks_of,
    row_of,
)
from shared.domain.scores.tracks import episodes_in_window, extend_tracks, prune, refold_tracks
from shared.domain.scores.window import rescore, score_row
from shared.domain.vitals import ObservedVitals, Parameter, VitalReading
from shared.domain.vitals.observation import AHEAD

WINDOW = timedelta(hours=48)
WINDOW_US = to_us(from_us(0) + WINDOW)
# Rows are pruned an hour's worth at a time: what is beyond the window but still there is no longer changed.
SLACK_US = to_us(from_us(0) + timedelta(hours=1))
MOST_GONE, MOST_UNCOUNTED, MOST_AHEAD = 2_000, 500, 500
"""Observations remembered as taken back after they counted, and apart from them those that never did, withdrawn or ahead: so
that neither a monitor with a fast clock nor a chart that is cleared fills the state of its patient or pushes a withdrawal
out of it.

Of one beyond them an older version that is told again counts until the newer one, told again behind it, takes it back.
"""
_MOST = {GONE: MOST_GONE, UNCOUNTED: MOST_UNCOUNTED, FAST: MOST_AHEAD}


@dataclass(slots=True)
class _Sorted:
    """A batch told apart by what it does to the state."""

    put: dict[str, Row] = field(default_factory=dict)
    drop: set[str] = field(default_factory=set)
    marks: dict[str, dict[str, list[object]]] = field(default_factory=lambda: {name: {} for name in MARKS})
    late: int = 0
    fast: int = 0
    unchanged: int = 0


def advance(
    state: VitalsState | None, vitals: Iterable[ObservedVitals], context: PatientContext
) -> tuple[VitalsState, Changes]:
    """The state after these versions of Observations, and what changed; the given state is left as it is.

    `context` is the patient's as known now: where it differs from the state's, the window is scored again.
    A `created` score or alert can meet a superseded one of the same key in the caller's store: it is back
    then.
    """
    before = state or empty_state()
    sorted_in = _sort_in(before, newest(vitals))
    after: VitalsState = {**before, "context": encode_context(context)}
    same_context = before["context"] == after["context"]
    _mark(before, after, sorted_in)
    counts = (sorted_in.late, sorted_in.fast, sorted_in.unchanged)
    if not sorted_in.put and not sorted_in.drop and same_context:
        _anchor(after)
        return after, Changes((), (), *counts)
    if same_context and not sorted_in.drop and _appends(before, sorted_in.put):
        scores = _append(after, sorted_in.put, context)
    else:
        scores = _insert(before, after, sorted_in, context)
    alerts = alert_changes(before, after)
    if after["rows"]:
        _anchor(after)
        horizon = _latest(after) - WINDOW_US
        # Where there are segments before the rows, it is the oldest of those that leaves the window.
        if not after["older"]["segments"] and (
            _oldest(after) < horizon - SLACK_US or any(marks_of(after).values())
        ):
            prune(after, horizon)
    return after, Changes(tuple(scores), tuple(alerts), *counts)


def acknowledge(state: VitalsState, key: str, *, by: str, at: datetime) -> tuple[VitalsState, Changes]:
    """The state in which the alert `key` is acknowledged by `by` at `at`, and the alert's change.

    Nothing changes where the alert has left the window: it has ended and only the caller's record of it is
    left. The first acknowledgement stands.
    """
    known = decode_acknowledgements(state["acks"])
    whole = _with_all_episodes(state)
    for rule, track in zip(RULES, whole["tracks"], strict=True):
        for episode in episodes_in_window(track):
            if alert_key(rule.version, episode.began_us) != key:
                continue
            if alert_of(episode, rule.model, rule.version, known).acknowledged_at is not None:
                return state, Changes()
            until = episode.ended_us if episode.ended_us is not None else max(_latest(state), to_us(at)) + 1
            item = Acknowledgement(rule.version, episode.began_us, until, by, at)
            acks = [*state["acks"], encode_acknowledgement(item)]
            changes = alert_changes(whole, {**whole, "acks": acks})
            return {**state, "acks": acks}, Changes(alerts=tuple(changes))
    return state, Changes()


def last_breach(state: VitalsState, key: str) -> datetime | None:
    """When the open episode of the alert `key` was last in breach; None where it is not open."""
    for rule, track in zip(RULES, state["tracks"], strict=True):
        for episode in episodes_in_window(track):
            if episode.ended_us is None and alert_key(rule.version, episode.began_us) == key:
                return from_us(episode.last_breach_us)
    return None


def _with_all_episodes(state: VitalsState) -> VitalsState:
    """With the episodes that ended before the rows of the head."""
    tracks = zip(state["older"]["closed"], state["tracks"], strict=True)
    return {
        **state,
        "tracks": [{**track, "closed": closed + track["closed"]} for closed, track in tracks],
    }


def inputs_at(state: VitalsState, at: datetime) -> dict[Parameter, VitalReading]:
    """The last reading of each parameter up to `at`."""
    at_us = to_us(at)
    if not state["rows"] or at_us >= _latest(state):
        return decode_slots(state["slots"])
    last = Last({name: slot for name, slot in state["base"]["slots"].items() if slot[AT] <= at_us})
    for id_, row in state["rows"].items():
        if row[AT] > at_us:
            break
        last.fill(id_, row)
    return decode_slots(last.slots)


def score_at(state: VitalsState | None, rule: ScoringRule, context: PatientContext, at: datetime) -> Score:
    """The score on request; its total is None where nothing is usable or the rule does not apply."""
    return rule.evaluate(inputs_at(state or empty_state(), at), context, at)


def _sort_in(state: VitalsState, batch: dict[str, ObservedVitals]) -> _Sorted:
    rows, marks, result = state["rows"], marks_of(state), _Sorted()
    horizon = _latest(state) - WINDOW_US if rows else None
    for id_, observed in batch.items():
        row = rows.get(id_) or next((part[id_] for part in marks.values() if id_ in part), None)
        if row is not None and (row[ORDER], row[VERSION]) >= (observed.order, observed.version):
            result.unchanged += 1
            continue
        at_us = to_us(observed.at) if observed.at else None
        result.fast += observed.problem == AHEAD
        late = at_us is not None and horizon is not None and at_us < horizon
        result.late += late and bool(observed.values)
        if at_us is not None and observed.has_place and not late:
            result.put[id_] = row_of(at_us, observed)
        elif row is not None or observed.problem is not None:
            anchor = row[AT] if row is not None else at_us
            if anchor is None or horizon is None or anchor >= horizon:
                # What counted stays taken back, and what was withdrawn a withdrawal, whatever clock a later version is of.
                if id_ in rows or id_ in marks[GONE]:
                    name = GONE
                else:
                    name = FAST if observed.problem == AHEAD and id_ not in marks[UNCOUNTED] else UNCOUNTED
                result.marks[name][id_] = [anchor, observed.version, observed.order]
            if id_ in rows:
                result.drop.add(id_)
    result.drop |= {id_ for id_ in result.put if id_ in rows}
    return result


def _appends(state: VitalsState, put: dict[str, Row]) -> bool:
    if not state["rows"]:
        return True
    last_id, last = next(reversed(state["rows"].items()))
    return min((row[AT], id_) for id_, row in put.items()) > (last[AT], last_id)


def _append(after: VitalsState, put: dict[str, Row], context: PatientContext) -> list[ScoreChange]:
    """Add rows that are newer than all others; changes `after`, whose parts it replaces."""
    rows, last = dict(after["rows"]), Last.in_(after)
    inputs = decode_slots(last.slots)
    changes: list[ScoreChange] = []
    added: list[tuple[str, Row]] = []
    for id_, row in sorted(put.items(), key=lambda item: (item[1][AT], item[0])):
        last.fill(id_, row)
        inputs |= decode_slots({name: last.slots[name] for name in row[VALUES]})
        scored, scores = score_row(id_, row, inputs, last, context)
        rows[id_] = scored
        added.append((id_, scored))
        changes += [ScoreChange(CREATED, score) for score in scores]
    after.update(last.kept(), rows=rows)
    after["tracks"] = extend_tracks(after["tracks"], added)
    return changes


def _insert(
    before: VitalsState, after: VitalsState, sorted_in: _Sorted, context: PatientContext
) -> list[ScoreChange]:
    """Put rows anywhere, replace and remove them; changes `after`, whose parts it replaces."""
    rows = {id_: row for id_, row in before["rows"].items() if id_ not in sorted_in.drop} | sorted_in.put
    after["rows"] = dict(sorted(rows.items(), key=lambda item: (item[1][AT], item[0])))
    same_context = before["context"] == after["context"]
    keys = [(before["rows"][id_][AT], id_) for id_ in sorted_in.drop]
    keys += [(row[AT], id_) for id_, row in sorted_in.put.items()]
    old, new = rescore(before, after, keys, decode_context(before["context"]), context)
    after["tracks"] = refold_tracks(after, min(at for at, _ in keys) if same_context and keys else 0)
    return [ScoreChange(kind, score) for kind, score in differences(old, new, same=says_the_same)]


def _mark(before: VitalsState, after: VitalsState, sorted_in: _Sorted) -> None:
    """Put the marks of a batch in the place of older ones; changes `after`, whose parts it replaces."""
    news = sorted_in.put.keys() | {id_ for added in sorted_in.marks.values() for id_ in added}
    for name, known in marks_of(before).items():
        if sorted_in.marks[name] or not news.isdisjoint(known):
            added = _newest_marks(sorted_in.marks[name], _MOST[name])
            kept = {id_: entry for id_, entry in known.items() if id_ not in news}
            after[name] = _newest_marks(kept, _MOST[name] - len(added)) | added


def _anchor(state: VitalsState) -> None:
    """Give Observations that are marked without an instant the newest one, from which they age."""
    if not state["rows"]:
        return
    latest = _latest(state)
    for name, marks in marks_of(state).items():
        if any(entry[AT] is None for entry in marks.values()):
            state[name] = {
                id_: [latest if at is None else at, version, order]
                for id_, (at, version, order) in marks.items()
            }


def _newest_marks(marks: dict[str, list[object]], most: int) -> dict[str, list[object]]:
    """Those that were recorded last."""
    if len(marks) <= most:
        return marks
    newest_last = sorted(marks.items(), key=lambda item: str(item[1][ORDER]))
    return dict(newest_last[len(marks) - most :])


def _oldest(state: VitalsState) -> int:
    return int(next(iter(state["rows"].values()))[AT])


def _latest(state: VitalsState) -> int:
    return int(next(reversed(state["rows"].values()))[AT]) if state["rows"] else 0
