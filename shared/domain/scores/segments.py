"""Keeps what a reading costs independent of the window: a small head, and segments that are read only when needed.

The head is a `VitalsState` whose window begins late: its `rows` are the newest ones, its `base` the fold of all before
them. What lies between, up to 48 hours, is cut into segments, each with the base it begins with. Any number of the last
segments can therefore be opened, and what comes out is again a state that `advance` works on. A segment never changes:
it is named by its content, and a state that needs another one names that instead.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from shared.domain.scores.advance import SLACK_US, WINDOW_US
from shared.domain.scores.state import AT, Row, VitalsState, ended_of
from shared.domain.scores.tracks import Track, fold_base, prune_marks, tracks_behind

MOST_IN_HEAD: Final = 128
KEPT_IN_HEAD: Final = 32
SEGMENT_ROWS: Final = 1_024
NAME, FROM, ROWS = range(3)
Content = dict[str, Any]
"""A segment: its `rows`, and the `base` before them."""
Rows = list[tuple[str, Row]]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many rows stand where; a test takes small ones."""

    most_in_head: int = MOST_IN_HEAD
    kept_in_head: int = KEPT_IN_HEAD
    segment: int = SEGMENT_ROWS


@dataclass(frozen=True, slots=True)
class Sealed:
    """A head, the segments that are new (text by name), and the names of those that it no longer needs."""

    head: VitalsState
    new: Mapping[str, str] = field(default_factory=dict)
    gone: tuple[str, ...] = ()


USUAL: Final = Sizes()


def encode(value: object) -> str:
    """A head or a segment as text: plain JSON, no decimals."""
    return orjson.dumps(value).decode()


def decode(text: str) -> Any:
    """What `encode` wrote."""
    return orjson.loads(text)


def first_needed(head: VitalsState, instants: Iterable[int], sizes: Sizes = USUAL, *, anywhere: bool) -> int:
    """The number of the first segment that readings of these instants need opened; all from it on are.

    `anywhere`: one of them may be counted at another time, or everything has to be scored again.
    """
    segments = head["older"]["segments"]
    if anywhere or not segments:
        return 0
    number = len(segments)
    times = list(instants)
    within = [at for at in times if at >= _latest(head) - WINDOW_US]
    if within and min(within) < head["older"]["until"]:
        return max(0, bisect_right([entry[FROM] for entry in segments], min(within)) - 1)
    rolling = len(head["rows"]) + len(times)
    room = rolling - sizes.kept_in_head + segments[-1][ROWS] <= sizes.segment
    return number - 1 if rolling > sizes.most_in_head and room else number


def names_from(head: VitalsState, first: int) -> list[str]:
    """The names of the segments from a number on."""
    return [entry[NAME] for entry in head["older"]["segments"][first:]]


def opened(head: VitalsState, contents: Sequence[Content]) -> VitalsState:
    """The state whose rows begin with the first of these contents, which are those of the last segments."""
    if not contents:
        return head
    older = head["older"]
    first = len(older["segments"]) - len(contents)
    begin = older["segments"][first][FROM] if first else 0
    rows: dict[str, Row] = {}
    for content in contents:
        rows.update(content["rows"])
    rows.update(head["rows"])
    tracks: list[Track] = []
    before: list[list[Any]] = []
    for closed, track in zip(older["closed"], head["tracks"], strict=True):
        kept = [episode for episode in closed if first and ended_of(episode) < begin]
        before.append(kept)
        tracks.append({**track, "closed": closed[len(kept) :] + track["closed"]})
    earlier = {"segments": older["segments"][:first], "until": begin, "closed": before}
    return {**head, "rows": rows, "base": contents[0]["base"], "tracks": tracks, "older": earlier}


def sealed(
    state: VitalsState, head: VitalsState, contents: Sequence[Content], sizes: Sizes = USUAL
) -> Sealed:
    """`state`, which came of opening these contents of `head` and advancing, cut into head and segments again."""
    before = head["older"]["segments"]
    loaded = before[len(before) - len(contents) :]
    groups, rest, until = _cut(state, loaded, head["older"]["until"], sizes)
    after, pieces = _behind(state, groups, rest, until)
    there = {entry[FROM]: (entry[NAME], content) for entry, content in zip(loaded, contents, strict=True)}
    new: dict[str, str] = {}
    entries: list[list[Any]] = []
    for (begin, _), piece in zip(groups, pieces, strict=True):
        name, content = there.get(begin, ("", None))
        if piece != content:
            text = encode(piece)
            name = hashlib.sha256(text.encode()).hexdigest()[:20]
            new[name] = text
        entries.append([name, begin, len(piece["rows"])])
    after["older"] = {**after["older"], "segments": after["older"]["segments"] + entries}
    _expire(after)
    names = {entry[NAME] for entry in after["older"]["segments"]}
    known = {entry[NAME] for entry in before}
    # Rows that were corrected away and came again, at another beginning, are a segment that is there already.
    added = {name: text for name, text in new.items() if name in names - known}
    return Sealed(after, added, tuple(sorted(known - names)))


def _cut(
    state: VitalsState, loaded: Sequence[list[Any]], until: int, sizes: Sizes
) -> tuple[list[tuple[int, Rows]], Rows, int]:
    """The rows of each segment with the instant that it begins at, the rows of the head, and where those begin.

    Where a segment was it stays, so that what did not change is not written again. No instant is cut in two.
    """
    rows: Rows = list(state["rows"].items())
    begin = state["older"]["until"] if state["older"]["segments"] else 0
    groups: list[tuple[int, Rows]] = []
    for mark in [entry[FROM] for entry in loaded[1:]] + ([until] if loaded else []):
        end = bisect_left(rows, mark, key=_at)
        groups.append((begin, rows[:end]))
        rows, begin = rows[end:], mark
    while not rows and groups:
        begin, rows = groups.pop()
    if len(rows) > sizes.most_in_head:
        end = bisect_left(rows, _at(rows[-sizes.kept_in_head]), key=_at)
        if groups and len(groups[-1][1]) + end <= sizes.segment:
            groups[-1] = (groups[-1][0], groups[-1][1] + rows[:end])
        else:
            groups.append((begin, rows[:end]))
        rows = rows[end:]
        begin = _at(rows[0])
    return [piece for group in groups for piece in _pieces(*group, sizes.segment)], rows, begin


def _pieces(begin: int, rows: Rows, size: int) -> Iterator[tuple[int, Rows]]:
    """A segment that has grown to twice its size is cut."""
    while len(rows) > 2 * size:
        end = bisect_right(rows, _at(rows[size]), key=_at)
        yield begin, rows[:end]
        rows = rows[end:]
        begin = _at(rows[0]) if rows else begin
    if rows:
        yield begin, rows


def _behind(
    state: VitalsState, groups: list[tuple[int, Rows]], rest: Rows, until: int
) -> tuple[VitalsState, list[Content]]:
    """The state whose rows are the rest, and the contents of the segments."""
    older = state["older"]
    if not groups:
        return {**state, "older": {**older, "until": until if older["segments"] else 0}}, []
    base, closed = state["base"], older["closed"]
    pieces: list[Content] = []
    ended: list[list[Any]] = [[] for _ in closed]
    for _, rows in groups:
        pieces.append({"rows": dict(rows), "base": base})
        base, more = fold_base(base, rows)
        ended = [first + second for first, second in zip(ended, more, strict=True)]
    tracks = tracks_behind(state["tracks"], base, ended, until)
    closed = [first + second for first, second in zip(closed, ended, strict=True)]
    older = {**older, "until": until, "closed": closed}
    return {**state, "rows": dict(rest), "base": base, "tracks": tracks, "older": older}, pieces


def _expire(state: VitalsState) -> None:
    """Forget the segments, and the marks, that have left the window; changes `state`, whose parts it replaces."""
    older = state["older"]
    segments = older["segments"]
    if not segments:
        return
    horizon = _latest(state) - WINDOW_US
    ends = [entry[FROM] for entry in segments[1:]] + [older["until"]]
    number = bisect_left(ends, horizon - SLACK_US)
    if number:
        closed = [
            [episode for episode in part if ended_of(episode) >= ends[number - 1]] for part in older["closed"]
        ]
        state["older"] = {**older, "segments": segments[number:], "closed": closed}
    prune_marks(state, horizon)


def _at(entry: tuple[str, Row]) -> int:
    return int(entry[1][AT])


def _latest(state: VitalsState) -> int:
    return int(next(reversed(state["rows"].values()))[AT]) if state["rows"] else 0
