"""Events to a hub at a steady rate, until a time is over or somebody says stop."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Protocol

from local.generate.event import Event

TICK_S: Final = 0.05
"""Events that are due within this time leave together."""
MOST_AT_ONCE: Final = 2_000
"""After a stall what is due goes out in portions, so that a stop is heard between two of them."""


class Stop(Protocol):
    """A threading.Event, as far as it is needed."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float) -> bool: ...


class Hub(Protocol):
    """Where events go: all of one key in their order. Raises what the transport raises."""

    def send(self, key: str, bodies: Sequence[bytes]) -> None: ...


@dataclass(slots=True)
class Sending:
    """What was sent so far."""

    sent: int = 0
    sent_bytes: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.sent / self.seconds if self.seconds else 0.0


def send_at_rate(
    events: Iterator[Event],
    hub: Hub,
    *,
    rate: float,
    seconds: float | None,
    stop: Stop,
    progress: Callable[[Sending], None] = lambda _: None,
    now: Callable[[], float] = time.monotonic,
) -> Sending:
    """Send `rate` events a second for so many seconds, or without end.

    Returns when that is over, no event is left, or `stop` is set.

    A hub that is slower than the rate is given what is due as fast as it takes it, as long as there is time; what is
    late by no more than one portion then still goes out, so that a slow moment near the end loses no event.
    """
    done = Sending()
    began = now()
    whole = None if seconds is None else max(1, round(rate * seconds))
    while not stop.is_set():
        elapsed = now() - began
        due = int(elapsed * rate) + 1
        due = min(due, whole) if whole is not None else due
        wanted = min(due - done.sent, MOST_AT_ONCE)
        portion = list(islice(events, wanted))
        _send(hub, portion)
        done.sent += len(portion)
        done.sent_bytes += sum(len(event.body) for event in portion)
        done.seconds = now() - began
        progress(done)
        if len(portion) < wanted:
            break  # there are no more
        if seconds is not None and whole is not None:
            left_s = seconds - done.seconds
            if done.sent >= whole:
                stop.wait(max(0.0, left_s))  # the last event stands for its share of the time too
                break
            if left_s <= 0 and whole - done.sent > MOST_AT_ONCE:
                break  # the hub is slower than the rate
        stop.wait(max(0.0, max(done.sent / rate, elapsed + TICK_S) - done.seconds))
    done.seconds = now() - began
    return done


def _send(hub: Hub, portion: list[Event]) -> None:
    lanes: dict[str, list[bytes]] = defaultdict(list)
    for event in portion:
        lanes[event.lane].append(event.body)
    for key, bodies in lanes.items():
        hub.send(key, bodies)


class EventHub:
    """A hub of the platform, by the vendor's SDK."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer

    def send(self, key: str, bodies: Sequence[bytes]) -> None:
        """As many batches as it takes; each is taken when this returns. Raises ValueError for an event too large for one."""
        from azure.eventhub import EventData

        batch = self._producer.create_batch(partition_key=key)
        for body in bodies:
            try:
                batch.add(EventData(body))
            except ValueError:  # full
                self._producer.send_batch(batch)
                batch = self._producer.create_batch(partition_key=key)
                batch.add(EventData(body))
        self._producer.send_batch(batch)
