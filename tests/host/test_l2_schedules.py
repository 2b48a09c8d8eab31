"""L2: schedules, retry policies and the balancing of leases as the extensions have them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from local.host.cron import parse_schedule
from local.host.leases import EXPIRY_S, Ownership, parts_to_claim
from local.host.retry import RetryPolicy, seconds_of
from local.host.timers import ScheduleStatus, past_due

START = datetime(2026, 1, 15, 10, 30, 15, tzinfo=UTC)
NEVER = datetime(1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "following"),
    [
        ("0 */5 * * * *", "2026-01-15T10:35:00+00:00"),
        ("*/10 * * * * *", "2026-01-15T10:30:20+00:00"),
        ("0 0 2 * * *", "2026-01-16T02:00:00+00:00"),
        ("0 30 9 * Jan Mon", "2026-01-19T09:30:00+00:00"),
        ("0 0 9-17 * * MON-FRI", "2026-01-15T11:00:00+00:00"),
        ("0 0 0 29 2 *", "2028-02-29T00:00:00+00:00"),
        ("5,8,10 * * * * *", "2026-01-15T10:31:05+00:00"),
        ("*/5 * * * *", "2026-01-15T10:35:00+00:00"),
        ("0 0 0 13 * Fri", "2026-02-13T00:00:00+00:00"),
        ("24:00:00", "2026-01-16T10:30:15+00:00"),
    ],
)
def test_schedule_is_next_due(expression: str, following: str) -> None:
    assert parse_schedule(expression).next_after(START) == datetime.fromisoformat(following)


def test_a_schedule_that_never_fits_says_so() -> None:
    assert parse_schedule("0 0 0 31 2 *").next_after(START) is None


@pytest.mark.parametrize(
    "expression", ["", "* * *", "61 * * * * *", "0 0 25 * * *", "0 0 0 * Foo *", "a b c d e f"]
)
def test_unreadable_schedules_are_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"schedule"):
        parse_schedule(expression)


def test_a_missed_occurrence_is_past_due() -> None:
    schedule = parse_schedule("0 0 2 * * *")
    ran = START - timedelta(days=2)
    assert past_due(ScheduleStatus(ran, ran, ran), schedule, START)
    ran = START - timedelta(hours=1)
    assert not past_due(ScheduleStatus(ran, ran, ran), schedule, START)


def test_a_timer_that_never_ran_is_past_due_behind_its_first_occurrence() -> None:
    schedule = parse_schedule("0 0 2 * * *")
    assert past_due(ScheduleStatus(NEVER, START - timedelta(hours=1), NEVER), schedule, START)
    assert not past_due(ScheduleStatus(NEVER, START + timedelta(hours=1), NEVER), schedule, START)


def test_retry_policy_is_read_from_decorator_and_host_json() -> None:
    decorated = RetryPolicy.parse(
        {
            "setting_name": "retry_policy",
            "strategy": "fixed_delay",
            "max_retry_count": "-1",
            "delay_interval": "00:00:05",
        }
    )
    assert decorated == RetryPolicy(-1, True, 5.0, 5.0)
    assert decorated.allows(10**6)
    configured = RetryPolicy.parse(
        {
            "strategy": "exponentialBackoff",
            "maxRetryCount": 2,
            "minimumInterval": "00:00:01",
            "maximumInterval": "00:00:10",
        }
    )
    assert configured.allows(1)
    assert not configured.allows(2)
    delays = [configured.delay_s(tries, random.Random(7)) for tries in range(6)]
    assert delays[0] < 2
    assert delays[-1] == 10.0


@pytest.mark.parametrize(
    ("text", "seconds"), [("00:00:05", 5), ("1.00:00:00", 86400), ("01:02:03.5", 3723.5)]
)
def test_time_spans_are_read(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


def owned(part: str, owner: str, age_s: float = 0.0) -> Ownership:
    return Ownership(part, owner, "v", age_s)


def test_a_single_host_claims_everything_at_once() -> None:
    assert parts_to_claim(["0", "1", "2"], {}, "me") == ["0", "1", "2"]


def test_what_a_dead_host_held_is_free() -> None:
    records = {part: owned(part, "dead", EXPIRY_S + 1) for part in "0123"}
    assert parts_to_claim(list("0123"), records, "me") == list("0123")


def test_a_second_host_takes_half() -> None:
    records = {part: owned(part, "other") for part in "0123"}
    assert len(parts_to_claim(list("0123"), records, "me")) == 2


def test_an_even_distribution_stays() -> None:
    records = {
        "0": owned("0", "other"),
        "1": owned("1", "me"),
        "2": owned("2", "other"),
        "3": owned("3", "me"),
    }
    assert parts_to_claim(list("0123"), records, "me") == []


def test_three_hosts_end_balanced() -> None:
    records: dict[str, Ownership] = {}
    parts = [str(number) for number in range(8)]
    for _ in range(6):
        for host in ("a", "b", "c"):
            for part in parts_to_claim(parts, records, host):
                records[part] = owned(part, host)
    counts = sorted([record.owner for record in records.values()].count(host) for host in ("a", "b", "c"))
    assert counts == [2, 3, 3]
