"""What a published score comes to: points by item, what is missing, and the band the total lies in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

Number: TypeAlias = int | float | Decimal
# From the lowest total of a band on: its name.
Bands: TypeAlias = Sequence[tuple[int, str]]


class Implausible(ValueError):
    """A value that no living patient has, or that is no number: the score is refused and the item is named."""


@dataclass(frozen=True, slots=True)
class Tally:
    """One evaluation. `total` and `band` are None where nothing is known; with `missing` they are a lower bound."""

    model: str
    version: str
    total: int | None
    band: str | None
    points: Mapping[str, int]
    missing: tuple[str, ...]

    @property
    def partial(self) -> bool:
        """Whether an item is missing."""
        return bool(self.missing)


def tally(model: str, version: str, items: Mapping[str, int | None], bands: Bands) -> Tally:
    """The tally of `items`: name → points, or None for an item that is not known."""
    points = {name: value for name, value in items.items() if value is not None}
    missing = tuple(name for name, value in items.items() if value is None)
    if not points:
        return Tally(model, version, None, None, points, missing)
    total = sum(points.values())
    band = next(name for lowest, name in reversed(bands) if total >= lowest)
    return Tally(model, version, total, band, points, missing)


def checked(name: str, value: Number | None, lowest: Number, highest: Number) -> Number | None:
    """The value where it is possible in its unit; None stays None. Raises Implausible for anything else."""
    if value is not None and not lowest <= value <= highest:
        raise Implausible(f"{name} must be between {lowest} and {highest}: check the value and its unit")
    return value


def step(value: Number | None, limits: Sequence[tuple[Number, int]]) -> int | None:
    """The points of the highest limit that the value reaches; 0 below all of them, None where it is not known.

    `limits` go from low to high.
    """
    if value is None:
        return None
    reached = [points for limit, points in limits if value >= limit]
    return reached[-1] if reached else 0


def flag(value: bool | None, points: int) -> int | None:
    """`points` for yes, 0 for no, None where it is not known."""
    return None if value is None else points * value
