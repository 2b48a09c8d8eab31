"""Event streams, as far as the app asks them itself: everything else comes by triggers."""

from __future__ import annotations

from typing import Protocol


class Streams(Protocol):
    """The hubs of this platform. Raises Unavailable."""

    def generation(self, hub: str) -> str:
        """Names the hub's present incarnation by its creation time: sequence numbers begin anew with the next one."""
        ...

    def last_sequences(self, hub: str) -> dict[str, int]:
        """The last enqueued sequence number of each partition, -1 where it is empty."""
        ...
