"""A stay as its readings come, without a platform: each value half past its hour, an Observation of its own."""

from __future__ import annotations

import math

from shared.domain.alerts.episodes import from_us
from shared.domain.features.sepsis import MEASURED, Hour
from shared.domain.stays.stay import HOUR_US, OpenStay, StayState, add, empty_stay
from shared.domain.stays.variables import Found

BEGUN = 1_700_000_000_000_000


def found_in(hours: list[Hour]) -> list[Found]:
    return [
        Found(f"{name}-{number}", "1", "1", from_us(BEGUN + number * HOUR_US + HOUR_US // 2), {name: value})
        for number, hour in enumerate(hours)
        for name, value in zip(MEASURED, hour, strict=False)
        if not math.isnan(value)
    ]


def followed(stay: OpenStay, found: list[Found]) -> StayState:
    state = empty_stay(stay)
    for each in found:
        add(state, each)
    return state
