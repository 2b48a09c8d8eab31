"""SIRS, the systemic inflammatory response syndrome.

Source: Bone RC et al. Definitions for sepsis and organ failure and guidelines for the use of innovative therapies in sepsis
(ACCP/SCCM consensus conference). Chest 1992;101(6):1644-1655, https://doi.org/10.1378/chest.101.6.1644
Population: adults. Two criteria or more are SIRS; the score says nothing of its cause.
Units: temperature degrees Celsius, heart and respiratory rate per minute, PaCO2 mmHg, white cells 10^9/L, bands percent.
One point each: temperature > 38 or < 36; heart rate > 90; respiratory rate > 20 or PaCO2 < 32; white cells > 12 or <
4, or more than 10 % bands. A criterion with two measurements is known where one of them is; a missing criterion gives
no point.
"""

from __future__ import annotations

from shared.domain.scores.published.tally import Number, Tally, checked, tally

VERSION = "sirs-chest-1992.1"
BANDS = ((0, "not present"), (2, "present"))


def score_sirs(
    *,
    temperature_cel: Number | None = None,
    heart_rate_per_min: Number | None = None,
    respiratory_rate_per_min: Number | None = None,
    paco2_mmhg: Number | None = None,
    white_cells_per_nl: Number | None = None,
    bands_percent: Number | None = None,
) -> Tally:
    """SIRS criteria that are met, 0 to 4. Raises Implausible for a value that cannot be."""
    temperature = checked("temperature", temperature_cel, 20, 45)
    heart_rate = checked("heart rate", heart_rate_per_min, 0, 350)
    breathing = checked("respiratory rate", respiratory_rate_per_min, 0, 120)
    paco2 = checked("PaCO2", paco2_mmhg, 1, 250)
    white_cells = checked("white cells", white_cells_per_nl, 0, 1000)
    bands = checked("bands", bands_percent, 0, 100)
    items = {
        "temperature": _any(temperature is not None and (temperature > 38 or temperature < 36), temperature),
        "heart rate": _any(heart_rate is not None and heart_rate > 90, heart_rate),
        "respiration": _any(
            (breathing is not None and breathing > 20) or (paco2 is not None and paco2 < 32), breathing, paco2
        ),
        "white cells": _any(
            (white_cells is not None and (white_cells > 12 or white_cells < 4)) or (bands or 0) > 10,
            white_cells,
            bands,
        ),
    }
    return tally("sirs", VERSION, items, BANDS)


def _any(met: bool, *measured: Number | None) -> int | None:
    return int(met) if any(value is not None for value in measured) else None
