"""Episodes with hysteresis: one alert from the first breach until the patient has stayed below for an hour.

Design decision, as data below. NEWS2 asks for hourly observation from 5 points on (RCP 2017, chart 4), so an
hour below the threshold is the shortest time in which the guideline itself would have looked again. A score
counts as below only when it knows every parameter that was known at the last breach: a monitor that falls off
must not look like a recovery. After twelve hours without a breach nothing of the breach is valid input any
more and the episode lapses, so that silence cannot swallow the next deterioration. Severity rises within an
episode and never falls.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from shared.domain.alerts.responses import Severity

_MICROSECOND = timedelta(microseconds=1)
CALM_FOR = timedelta(minutes=60)
LAPSES_AFTER = timedelta(hours=12)
RECOVERED = "recovered"
LAPSED = "lapsed"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CALM_US = CALM_FOR // _MICROSECOND
_LAPSE_US = LAPSES_AFTER // _MICROSECOND


def to_us(at: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def from_us(at_us: int) -> datetime:
    """The UTC instant of these microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=at_us)


class Outcome(NamedTuple):
    """What an episode needs to know of a score; `missing` has a bit per parameter of the rule."""

    at_us: int
    reading: str
    total: int
    severity: Severity | None
    missing: int


@dataclass(frozen=True, slots=True)
class Episode:
    """A run of breaches of one rule; instants are microseconds since 1970, readings are Observation ids."""

    began_us: int
    trigger: str
    total: int
    severity: Severity
    last_breach_us: int
    missing: int
    escalated_us: int | None = None
    escalated_by: str | None = None
    escalated_total: int | None = None
    calm_since_us: int | None = None
    ended_us: int | None = None
    ending: str | None = None


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Someone has seen an alert: covers what the alert covered then, whatever later readings make of it."""

    rule_version: str
    from_us: int
    until_us: int
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Alert:
    """What is told about an episode; it changes only when something happens that a person acts on.

    `key` identifies it within the patient: rule version and the instant of the first triggering reading. The
    instant, not the reading: readings of one instant may arrive one by one, and must not make a second alert.
    """

    key: str
    model: str
    rule_version: str
    severity: Severity
    began_at: datetime
    trigger: str
    total: int
    escalated_at: datetime | None
    escalated_by: str | None
    escalated_total: int | None
    ended_at: datetime | None
    ending: str | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None

    @property
    def status(self) -> str:
        """`active` or `ended`."""
        return "active" if self.ended_at is None else "ended"


def step(episode: Episode | None, outcome: Outcome) -> tuple[Episode | None, Episode | None]:
    """The open episode after this outcome, and the one that it closed."""
    if episode is None:
        return (None if outcome.severity is None else _begin(outcome, outcome.severity)), None
    if outcome.at_us - episode.last_breach_us >= _LAPSE_US:
        closed = replace(episode, ended_us=outcome.at_us, ending=LAPSED)
        return (None if outcome.severity is None else _begin(outcome, outcome.severity)), closed
    if outcome.severity is not None:
        return _breach(episode, outcome), None
    if outcome.missing & ~episode.missing:
        return episode, None
    calm_since = outcome.at_us if episode.calm_since_us is None else episode.calm_since_us
    if outcome.at_us - calm_since >= _CALM_US:
        return None, replace(episode, calm_since_us=calm_since, ended_us=outcome.at_us, ending=RECOVERED)
    return (
        episode if episode.calm_since_us == calm_since else replace(episode, calm_since_us=calm_since)
    ), None


def _begin(outcome: Outcome, severity: Severity) -> Episode:
    return Episode(outcome.at_us, outcome.reading, outcome.total, severity, outcome.at_us, outcome.missing)


def _breach(episode: Episode, outcome: Outcome) -> Episode:
    escalates = outcome.severity is Severity.P1 and episode.severity is Severity.P2
    return Episode(  # spelled out: `replace` costs more than all the rest of a step
        episode.began_us,
        episode.trigger,
        episode.total,
        Severity.P1 if escalates else episode.severity,
        outcome.at_us,
        outcome.missing,
        outcome.at_us if escalates else episode.escalated_us,
        outcome.reading if escalates else episode.escalated_by,
        outcome.total if escalates else episode.escalated_total,
    )


def shown(episode: Episode) -> tuple[object, ...]:
    """What of an episode an alert shows; the rest changes with every reading."""
    return (
        episode.began_us,
        episode.trigger,
        episode.total,
        episode.severity,
        episode.escalated_us,
        episode.escalated_by,
        episode.escalated_total,
        episode.ended_us,
        episode.ending,
    )


def alert_of(
    episode: Episode, model: str, rule_version: str, acknowledgements: Iterable[Acknowledgement]
) -> Alert:
    """The alert of an episode, acknowledged by the earliest acknowledgement that covers it."""
    covering = [
        item for item in acknowledgements if item.rule_version == rule_version and _covers(item, episode)
    ]
    first = min(covering, key=lambda item: (item.at, item.by), default=None)
    return Alert(
        key=alert_key(rule_version, episode.began_us),
        model=model,
        rule_version=rule_version,
        severity=episode.severity,
        began_at=from_us(episode.began_us),
        trigger=episode.trigger,
        total=episode.total,
        escalated_at=None if episode.escalated_us is None else from_us(episode.escalated_us),
        escalated_by=episode.escalated_by,
        escalated_total=episode.escalated_total,
        ended_at=None if episode.ended_us is None else from_us(episode.ended_us),
        ending=episode.ending,
        acknowledged_by=first.by if first else None,
        acknowledged_at=first.at if first else None,
    )


def alert_key(rule_version: str, began_us: int) -> str:
    """What identifies an alert within its patient."""
    return f"{rule_version}|{from_us(began_us).isoformat(timespec='microseconds')}"


def _covers(acknowledgement: Acknowledgement, episode: Episode) -> bool:
    if episode.began_us == acknowledgement.from_us:
        return True
    begins_before = episode.began_us < acknowledgement.until_us
    return begins_before and (episode.ended_us is None or episode.ended_us > acknowledgement.from_us)
