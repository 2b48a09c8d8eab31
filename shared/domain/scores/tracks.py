"""Keeps the episodes of a state: extends them, folds them anew from the base, prunes them with the window."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from shared.domain.alerts.episodes import RECOVERED, Episode, step
from shared.domain.scores.state import (
    AT,
    OUTCOMES,
    Last,
    Row,
    VitalsState,
    began_of,
    decode_acknowledgements,
    decode_episode,
    decode_outcome,
    encode_episode,
    is_calm,
    marks_of,
)

Track = dict[str, Any]
Base = dict[str, Any]
Encoded = list[Any]


def episodes_in_window(track: Track) -> list[Episode]:
    """The episodes of a track in order, the open one last."""
    episodes = [_known(item) for item in track["closed"]]
    settled, pending = decode_episode(track["settled"]), track["pending"]
    if pending is not None:
        settled, closed = step(settled, decode_outcome(*pending))
        episodes += [closed] if closed else []
    return [*episodes, settled] if settled else episodes


def extend_tracks(tracks: list[Track], added: Iterable[tuple[str, Row]]) -> list[Track]:
    """The tracks after rows that are newer than all others."""
    rows = list(added)
    return [_extended(track, number, rows) for number, track in enumerate(tracks)]


def refold_tracks(state: VitalsState, first_us: int) -> list[Track]:
    """The tracks folded anew over the rows, of which those at `first_us` or later may have changed.

    An episode that a recovery ended before that stands, and the fold goes on behind it; a lapse may have been
    the beginning of the next one, so there it does not.
    """
    tracks = []
    for number, (base, track) in enumerate(zip(state["base"]["episodes"], state["tracks"], strict=True)):
        kept = [item for item in track["closed"] if _known(item).ended_us < first_us]  # type: ignore[operator]
        while kept and _known(kept[-1]).ending != RECOVERED:
            kept.pop()
        behind = _known(kept[-1]).ended_us if kept else None
        rows = [item for item in state["rows"].items() if behind is None or item[1][AT] > behind]
        start = {"closed": kept, "settled": None if kept else base, "pending": None}
        tracks.append(_extended(start, number, rows))
    return tracks


def prune(state: VitalsState, horizon_us: int) -> None:
    """Fold what is older than the horizon into the base; changes `state`, whose parts it replaces."""
    old = []
    for id_, row in state["rows"].items():
        if row[AT] >= horizon_us:
            break
        old.append((id_, row))
    if old:
        _prune_rows(state, old, horizon_us)
    prune_marks(state, horizon_us)


def prune_marks(state: VitalsState, horizon_us: int) -> None:
    """Drop marks and acknowledgements that nothing within the window needs; changes `state`, whose parts it replaces."""
    for name, marks in marks_of(state).items():
        if any(entry[AT] is not None and entry[AT] < horizon_us for entry in marks.values()):
            state[name] = {
                id_: entry for id_, entry in marks.items() if entry[AT] is None or entry[AT] >= horizon_us
            }
    if state["acks"]:
        _prune_acknowledgements(state, horizon_us)


def _prune_rows(state: VitalsState, old: list[tuple[str, Row]], horizon_us: int) -> None:
    rows = dict(state["rows"])
    for id_, _ in old:
        del rows[id_]
    base, closed = fold_base(state["base"], old)
    state["tracks"] = tracks_behind(state["tracks"], base, closed, horizon_us)
    state["rows"], state["base"] = rows, base


def fold_base(base: Base, rows: list[tuple[str, Row]]) -> tuple[Base, list[list[Encoded]]]:
    """The base behind these rows, and per rule the episodes that ended in them."""
    last = Last.in_(base)
    for id_, row in rows:
        last.fill(id_, row)
    opened, closed = [], []
    for number, episode in enumerate(base["episodes"]):
        folded = _extended({"closed": [], "settled": episode, "pending": None}, number, rows)
        episodes = episodes_in_window(folded)
        closed.append([_encoded(each) for each in episodes if each.ended_us is not None])
        opened.append(next((_encoded(each) for each in episodes if each.ended_us is None), None))
    return {**last.kept(), "episodes": opened}, closed


def tracks_behind(tracks: list[Track], base: Base, closed: list[list[Encoded]], from_us: int) -> list[Track]:
    """The tracks without what a new base, behind which the rows begin at `from_us`, has in it."""
    result: list[Track] = []
    for track, episode, ended in zip(tracks, base["episodes"], closed, strict=True):
        if track["pending"] is not None and track["pending"][0] < from_us:
            result.append({"closed": [], "settled": episode, "pending": None})
        else:
            began = {began_of(item) for item in ended}
            result.append(
                {**track, "closed": [item for item in track["closed"] if began_of(item) not in began]}
            )
    return result


def _prune_acknowledgements(state: VitalsState, horizon_us: int) -> None:
    """Drop those that can no longer cover an episode: the open ones may have begun before the window."""
    known = [episode for episode in state["base"]["episodes"] if episode is not None]
    known += [episode for closed in state["older"]["closed"] for episode in closed]
    oldest = min([horizon_us, *map(began_of, known)])
    kept = [
        encoded
        for encoded, item in zip(state["acks"], decode_acknowledgements(state["acks"]), strict=True)
        if item.until_us >= oldest
    ]
    if len(kept) < len(state["acks"]):
        state["acks"] = kept


def _extended(track: Track, number: int, rows: list[tuple[str, Row]]) -> Track:
    settled, pending = decode_episode(track["settled"]), track["pending"]
    closed = track["closed"]
    for id_, row in rows:
        code = row[OUTCOMES][number]
        if code is None:
            continue
        if pending is not None and pending[0] != row[AT] and not (settled is None and is_calm(pending[2])):
            settled, ended = step(settled, decode_outcome(*pending))
            closed = [*closed, encode_episode(ended)] if ended else closed
        pending = [row[AT], id_, code]
    return {"closed": closed, "settled": encode_episode(settled), "pending": pending}


def _encoded(episode: Episode) -> Encoded:
    return cast("Encoded", encode_episode(episode))


def _known(encoded: list[Any]) -> Episode:
    return cast("Episode", decode_episode(encoded))  # a closed episode is never null
