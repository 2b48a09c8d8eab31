"""Who may receive from a partition in a consumer group: owner levels (epochs) and the limit of readers.

https://learn.microsoft.com/azure/event-hubs/event-hubs-event-processor-host#epoch
"""

from __future__ import annotations

from typing import Final, Protocol

from .frames import AmqpError

MAX_READERS: Final = 5
STOLEN: Final = "amqp:link:stolen"


class Receiver(Protocol):
    """A receiving link as ownership sees it; `owner_level` is None for one without an epoch."""

    owner_level: int | None

    def end(self, error: AmqpError) -> None:
        """Detach the link and tell its client why."""
        ...


class Ownership:
    """The receivers of one hub."""

    def __init__(self) -> None:
        self._receivers: dict[tuple[str, str], list[Receiver]] = {}

    def admit(self, group: str, partition_id: str, receiver: Receiver) -> None:
        """Take a receiver in and end those with a lower owner level; raises AmqpError where it may not.

        Equal levels: the newer receiver wins. Without a level it yields to any that has one.
        """
        receivers = self._receivers.setdefault((group, partition_id), [])
        level = receiver.owner_level
        levels = [other.owner_level for other in receivers if other.owner_level is not None]
        highest = max(levels, default=None)
        if highest is not None and (level is None or level < highest):
            raise AmqpError(
                STOLEN, f"New receiver with epoch '{level}' is rejected: the current one has '{highest}'"
            )
        if level is None and len(receivers) >= MAX_READERS:
            raise AmqpError(
                "amqp:resource-limit-exceeded",
                f"A partition has at most {MAX_READERS} receivers in a consumer group.",
            )
        if level is not None:
            for other in tuple(receivers):
                other.end(AmqpError(STOLEN, f"New receiver with higher epoch of '{level}' is created"))
            receivers.clear()
        receivers.append(receiver)

    def leave(self, group: str, partition_id: str, receiver: Receiver) -> None:
        """Forget a receiver; harmless for one that is not there."""
        receivers = self._receivers.get((group, partition_id), [])
        if receiver in receivers:
            receivers.remove(receiver)
