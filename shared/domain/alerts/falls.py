"""Fall risk: charted totals of the Morse Fall Scale, and the episodes in which they are high.

LOINC 59460-6 (Fall risk total [Morse Fall Scale]), 0 to 125 in steps of 5; the high band begins at 45 (see
shared/domain/scores/published/morse.py). A nurse rates once a shift, so a single rating below ends an episode: there is
no hour to wait for, and no monitor that falls silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from shared.domain.alerts.episodes import RECOVERED, Episode, to_us
from shared.domain.alerts.responses import Severity
from shared.domain.scores.published.morse import BANDS
from shared.domain.vitals.observation import CLOCK_ALLOWANCE, instant_of
from shared.domain.vitals.parameters import LOINC

CODE: Final = "59460-6"
MODEL: Final = "morse"
HIGH_FROM: Final = BANDS[-1][0]
_HIGHEST, _STEP = 125, 5
_COUNTS: Final = frozenset({"final", "amended", "corrected", "preliminary"})
_UNITS: Final = frozenset({"{score}", "1", "{Score}"})


@dataclass(frozen=True, slots=True, order=True)
class Rating:
    """A total at an instant, and the Observation that says so."""

    at: datetime
    observation: str
    total: int


def rating_of(observation: Mapping[str, Any]) -> Rating | None:
    """The rating; None where it is withdrawn, has no instant, lies ahead of its recording or is no total of the scale."""
    codings = (observation.get("code") or {}).get("coding") or ()
    if observation.get("status") not in _COUNTS or not any(
        each.get("system") == LOINC and each.get("code") == CODE for each in codings
    ):
        return None
    at = instant_of(observation.get("effectiveDateTime")) or instant_of(observation.get("effectiveInstant"))
    recorded = instant_of((observation.get("meta") or {}).get("lastUpdated"))
    total = _total(observation)
    if at is None or total is None or (recorded is not None and at > recorded + CLOCK_ALLOWANCE):
        return None
    return Rating(at, str(observation.get("id")), total)


def _total(observation: Mapping[str, Any]) -> int | None:
    quantity = observation.get("valueQuantity")
    if quantity is None:
        value = observation.get("valueInteger")
    elif "comparator" in quantity or (quantity.get("code") or quantity.get("unit")) not in _UNITS:
        return None
    else:
        value = quantity.get("value")
    if value is None or value != int(value) or not 0 <= value <= _HIGHEST or value % _STEP:
        return None
    return int(value)


def fall_episodes(ratings: Iterable[Rating]) -> list[Episode]:
    """The runs of high ratings, in order; the last one is open where no lower rating followed."""
    found: list[Episode] = []
    open_: Episode | None = None
    for rating in sorted(ratings):
        at_us = to_us(rating.at)
        if rating.total >= HIGH_FROM:
            began = open_ or Episode(at_us, rating.observation, rating.total, Severity.P2, at_us, 0)
            open_ = replace(began, last_breach_us=at_us)
        elif open_ is not None:
            found.append(replace(open_, ended_us=at_us, ending=RECOVERED))
            open_ = None
    return [*found, open_] if open_ else found
