"""What a generator makes: the bytes of one event, and what keeps events in order that belong together."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

LANES: Final = 16


@dataclass(frozen=True, slots=True)
class Event:
    """`about` is a report's number or a patient: events about the same thing stay in order."""

    body: bytes
    about: str

    @property
    def lane(self) -> str:
        """The partition key: few enough that a second's events share batches, the same for the same thing."""
        return f"generated-{zlib.crc32(self.about.encode()) % LANES}"
