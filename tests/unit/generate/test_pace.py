"""Events leave at the rate that was asked for, in lanes, until the time is over or somebody says stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

import pytest

from local.generate.event import Event
from local.generate.pace import MOST_AT_ONCE, EventHub, Sending, send_at_rate


class Hub:
    """Keeps what it was sent, and when; each call takes its time."""

    def __init__(self, stop: Stop, takes_s: float = 0.0) -> None:
        self.bodies: list[bytes] = []
        self.keys: dict[str, list[int]] = {}
        self.at: list[float] = []
        self._stop = stop
        self._takes_s = takes_s

    def send(self, key: str, bodies: Sequence[bytes]) -> None:
        self.bodies += bodies
        self.keys.setdefault(key, []).extend(int(body) for body in bodies)
        self.at += [self._stop.at] * len(bodies)
        self._stop.at += self._takes_s


class Stop:
    """A clock that goes on where somebody waits, and a stop at a time of it."""

    def __init__(self, stops_at: float = float("inf")) -> None:
        self.at = 0.0
        self._stops_at = stops_at

    def is_set(self) -> bool:
        return self.at >= self._stops_at

    def wait(self, timeout: float) -> bool:
        self.at += timeout
        return self.is_set()


def events() -> Iterator[Event]:
    return (Event(str(number).encode(), f"about {number % 5}") for number in count())


def sent(rate: float, seconds: float | None, stop: Stop, takes_s: float = 0.0) -> tuple[Hub, Sending]:
    hub = Hub(stop, takes_s)
    return hub, send_at_rate(events(), hub, rate=rate, seconds=seconds, stop=stop, now=lambda: stop.at)


@pytest.mark.parametrize(("rate", "seconds"), [(20, 3), (0.5, 10), (1_000, 2), (3, 0.1)])
def test_sends_the_rate_times_the_time(rate: float, seconds: float) -> None:
    hub, sending = sent(rate, seconds, Stop())
    assert sending.sent == len(hub.bodies) == max(1, round(rate * seconds))
    assert sending.sent_bytes == sum(map(len, hub.bodies))
    assert sending.seconds == pytest.approx(seconds, abs=0.06)


def test_no_event_leaves_before_it_is_due_and_each_soon_after() -> None:
    hub, _ = sent(10, 5, Stop())
    order = sorted(range(50), key=lambda number: hub.at[number])
    assert all(-1e-9 <= hub.at[at] - rank / 10 <= 0.1 for rank, at in enumerate(order))


def test_ends_where_it_is_told_to_stop() -> None:
    _, sending = sent(10, None, Stop(stops_at=2.0))
    assert 19 <= sending.sent <= 21


def test_ends_when_no_event_is_left() -> None:
    stop = Stop()
    hub = Hub(stop)
    few = (Event(str(number).encode(), "one") for number in range(30))
    sending = send_at_rate(few, hub, rate=10, seconds=None, stop=stop, now=lambda: stop.at)
    assert (sending.sent, len(hub.bodies)) == (30, 30)
    assert sending.seconds == pytest.approx(3, abs=0.2)


def test_events_about_one_thing_stay_in_order() -> None:
    hub, _ = sent(500, 1, Stop())
    assert sorted(int(body) for body in hub.bodies) == list(range(500))
    for numbers in hub.keys.values():
        assert numbers == sorted(numbers)


def test_a_slow_hub_gets_portions_that_a_stop_is_heard_between() -> None:
    hub, sending = sent(10_000, None, Stop(stops_at=30.0), takes_s=5.0)
    assert sending.rate < 10_000
    assert len(hub.bodies) <= 3 * MOST_AT_ONCE


def test_the_time_is_kept_where_the_hub_is_slower_than_the_rate() -> None:
    _, sending = sent(10_000, 4, Stop(), takes_s=1.0)
    assert sending.sent < 40_000
    assert sending.seconds < 4 + 5 * 1.0 + 1


@pytest.mark.parametrize("takes_s", [0.013, 0.3, 1.0])
def test_a_hub_that_is_slow_for_a_moment_is_sent_every_event(takes_s: float) -> None:
    hub, sending = sent(100, 2, Stop(), takes_s=takes_s)
    assert sending.sent == len(hub.bodies) == 200


def test_what_does_not_fit_one_batch_goes_in_several() -> None:
    class Batch(list[bytes]):
        def add(self, event: object) -> None:
            if len(self) == 2:
                raise ValueError("full")
            self.append(event.body_as_str().encode())  # type: ignore[attr-defined]

    class Producer:
        def __init__(self) -> None:
            self.batches: list[Batch] = []

        def create_batch(self, *, partition_key: str) -> Batch:
            return Batch()

        def send_batch(self, batch: Batch) -> None:
            self.batches.append(batch)

    producer = Producer()
    EventHub(producer).send("lane", [b"1", b"2", b"3", b"4", b"5"])
    assert producer.batches == [[b"1", b"2"], [b"3", b"4"], [b"5"]]
