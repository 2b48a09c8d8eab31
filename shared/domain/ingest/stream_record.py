"""One event as its host hands it over, whichever cloud it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """`sequence` is its place in the partition, larger than the one before; `enqueued_at` is UTC-aware."""

    body: bytes
    sequence: int
    enqueued_at: datetime
    key: str = ""
    content_type: str = ""
    traceparent: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
