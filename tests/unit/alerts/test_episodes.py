"""One alert per episode: hysteresis, escalation, lapse and acknowledgement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.domain.alerts import Acknowledgement, Episode, Severity
from shared.domain.alerts.episodes import LAPSED, RECOVERED, Outcome, alert_of, step, to_us

START = datetime(2024, 5, 1, 12, tzinfo=UTC)
P1, P2 = Severity.P1, Severity.P2


def _us(minute: float) -> int:
    return to_us(START + timedelta(minutes=minute))


def _run(*points: tuple[float, Severity | None] | tuple[float, Severity | None, int]) -> list[Episode]:
    episode, ended = None, []
    for minute, severity, *missing in points:
        episode, closed = step(
            episode, Outcome(_us(minute), f"r{minute}", 5, severity, missing[0] if missing else 0)
        )
        ended += [closed] if closed else []
    return [*ended, episode] if episode else ended


def test_many_breaches_are_one_episode() -> None:
    (episode,) = _run((0, P2), (5, P2), (10, P2), (300, P2))
    assert (episode.trigger, episode.ended_us) == ("r0", None)


def test_an_hour_below_the_threshold_ends_it() -> None:
    (episode,) = _run((0, P2), (10, None), (40, None), (70, None))
    assert (episode.ended_us, episode.ending) == (_us(70), RECOVERED)


def test_less_than_an_hour_below_does_not_end_it() -> None:
    (episode,) = _run((0, P2), (10, None), (69.9, None))
    assert episode.ended_us is None


def test_a_breach_starts_the_hour_anew() -> None:
    (episode,) = _run((0, P2), (10, None), (60, P2), (65, None), (110, None))
    assert episode.ended_us is None


def test_a_breach_after_the_end_is_a_new_episode() -> None:
    first, second = _run((0, P2), (10, None), (70, None), (71, P2))
    assert (first.ending, second.trigger) == (RECOVERED, "r71")


def test_losing_an_input_is_no_recovery() -> None:
    (episode,) = _run((0, P2, 0b01), (10, None, 0b11), (70, None, 0b11), (200, None, 0b11))
    assert (episode.ended_us, episode.calm_since_us) == (None, None)


def test_what_was_missing_at_the_breach_may_stay_missing() -> None:
    (episode,) = _run((0, P2, 0b11), (10, None, 0b11), (70, None, 0b01))
    assert episode.ending == RECOVERED


def test_twelve_hours_without_a_breach_end_it_even_unobserved() -> None:
    (episode,) = _run((0, P2), (10, None, 1), (720, None, 1))
    assert episode.ending == LAPSED
    lapsed, fresh = _run((0, P2), (720, P1))
    assert (lapsed.ending, lapsed.ended_us, fresh.began_us) == (LAPSED, _us(720), _us(720))


def test_escalates_once_and_never_falls_back() -> None:
    (episode,) = _run((0, P2), (5, P1), (10, P2), (15, P1))
    assert (episode.severity, episode.escalated_us, episode.escalated_by) == (P1, _us(5), "r5")
    (at_once,) = _run((0, P1), (5, P2))
    assert (at_once.severity, at_once.escalated_us) == (P1, None)


def test_acknowledgement_covers_the_episode_however_its_beginning_moves() -> None:
    seen = Acknowledgement("rule.1", _us(10), _us(30), "Practitioner/n", START + timedelta(minutes=30))
    for began in (0, 10, 20):
        (episode,) = _run((began, P2), (25, P2))
        alert = alert_of(episode, "rule", "rule.1", [seen])
        assert (alert.acknowledged_by, alert.status) == ("Practitioner/n", "active")


def test_acknowledgement_does_not_reach_the_next_episode_or_another_rule() -> None:
    seen = Acknowledgement("rule.1", _us(0), _us(70), "Practitioner/n", START + timedelta(minutes=90))
    first, second = _run((0, P2), (10, None), (70, None), (80, P2))
    assert alert_of(first, "rule", "rule.1", [seen]).acknowledged_by == "Practitioner/n"
    assert alert_of(second, "rule", "rule.1", [seen]).acknowledged_by is None
    assert alert_of(first, "rule", "rule.2", [seen]).acknowledged_by is None


def test_the_first_acknowledgement_counts() -> None:
    (episode,) = _run((0, P2))
    late = Acknowledgement("rule.1", _us(0), _us(9), "Practitioner/late", START + timedelta(minutes=9))
    early = Acknowledgement("rule.1", _us(0), _us(5), "Practitioner/early", START + timedelta(minutes=5))
    assert alert_of(episode, "rule", "rule.1", [late, early]).acknowledged_by == "Practitioner/early"
