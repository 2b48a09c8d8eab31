"""What a job says of a table it wrote."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TableReport:
    """One line of a job's account. `rows` is what this run wrote, `total` what the table holds, `notes` what to know."""

    table: str
    rows: int
    total: int
    seconds: float
    notes: tuple[str, ...] = ()
