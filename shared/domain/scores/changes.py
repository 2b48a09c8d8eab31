"""What an advance tells its caller: scores and alerts that are new, changed or superseded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from operator import eq
from typing import TypeVar

from shared.domain.alerts.episodes import Alert, Episode, alert_of, shown
from shared.domain.scores import RULES
from shared.domain.scores.model import Score, ScoringRule
from shared.domain.scores.state import VitalsState, decode_acknowledgements
from shared.domain.scores.tracks import Track, episodes_in_window

_Output = TypeVar("_Output", Score, Alert)

CREATED, CHANGED, SUPERSEDED = "created", "changed", "superseded"


@dataclass(frozen=True, slots=True)
class ScoreChange:
    """A score that is new, has other content than before, or no longer follows from the readings.

    One more value that does not count, for a reason that it names already, is no other content.
    """

    kind: str
    score: Score


@dataclass(frozen=True, slots=True)
class AlertChange:
    """An alert that is new, has moved on, or no longer follows from the readings."""

    kind: str
    alert: Alert


@dataclass(frozen=True, slots=True)
class Changes:
    """What an advance did. `late` readings were older than the window, those `ahead` have a wrong clock."""

    scores: tuple[ScoreChange, ...] = ()
    alerts: tuple[AlertChange, ...] = ()
    late: int = 0
    ahead: int = 0
    unchanged: int = 0


def alerts_of(state: VitalsState) -> tuple[Alert, ...]:
    """The alerts of the window, ended ones included, in order of rule and beginning."""
    tracks = zip(RULES, state["tracks"], strict=True)
    return tuple(
        alert for rule, track in tracks for alert in _alerts(state, rule, episodes_in_window(track)).values()
    )


def alert_changes(before: VitalsState, after: VitalsState) -> list[AlertChange]:
    """What became of the alerts between two states."""
    same_acks = before["acks"] == after["acks"]
    changes: list[AlertChange] = []
    for number, rule in enumerate(RULES):
        was, now = before["tracks"][number], after["tracks"][number]
        if same_acks and was == now:
            continue
        both = zip(was["closed"], now["closed"], strict=False)
        same = len(list(takewhile(lambda pair: pair[0] == pair[1], both))) if same_acks else 0
        old, new = _beyond(was, same), _beyond(now, same)
        if same_acks and [shown(item) for item in old] == [shown(item) for item in new]:
            continue
        alerts_before, alerts_after = _alerts(before, rule, old), _alerts(after, rule, new)
        changes += [AlertChange(kind, alert) for kind, alert in differences(alerts_before, alerts_after)]
    return changes


def _beyond(track: Track, skip: int) -> list[Episode]:
    """The episodes of a track but for the first `skip` that have ended."""
    return episodes_in_window({**track, "closed": track["closed"][skip:]})


def _alerts(state: VitalsState, rule: ScoringRule, episodes: list[Episode]) -> dict[str, Alert]:
    known = decode_acknowledgements(state["acks"])
    alerts = [alert_of(episode, rule.model, rule.version, known) for episode in episodes]
    return {alert.key: alert for alert in alerts}


def differences(
    old: dict[str, _Output], new: dict[str, _Output], *, same: Callable[[_Output, _Output], bool] = eq
) -> list[tuple[str, _Output]]:
    """What is new, what has other content, and what is no more, by key."""
    changes = [
        (CHANGED if key in old else CREATED, item)
        for key, item in new.items()
        if key not in old or not same(old[key], item)
    ]
    return changes + [(SUPERSEDED, item) for key, item in old.items() if key not in new]
