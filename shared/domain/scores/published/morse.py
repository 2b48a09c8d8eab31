"""The Morse Fall Scale.

Source: Morse JM, Morse RM, Tylko SJ. Development of a scale to identify the fall-prone patient. Canadian Journal on Aging
1989;8(4):366-377, https://doi.org/10.1017/S0714980800008576; Morse JM et al., Soc Sci Med 1989;28(1):81-86. The bands
(25, 45) are AHRQ's, Preventing Falls in Hospitals, tool 3H,
https://www.ahrq.gov/patient-safety/settings/hospital/fall-prevention/toolkit/ morse-fall-scale.html; others begin the
high one above 45, and Morse leaves it to each institution.
Population: adults in acute, long-term and rehabilitation wards.
Units: none; each item is what a nurse observes. A missing item gives no points and is named. The high band is an
alert of priority P2.
"""

from __future__ import annotations

from enum import IntEnum

from shared.domain.scores.published.tally import Tally, flag, tally

VERSION = "morse-cja-1989.1"
HIGH = "high"
BANDS = ((0, "low"), (25, "moderate"), (45, HIGH))
ALERT_SEVERITY = "P2"


class AmbulatoryAid(IntEnum):
    """What the patient walks with; the value is the points."""

    NONE_BED_REST_OR_NURSE = 0
    CRUTCHES_CANE_OR_WALKER = 15
    FURNITURE = 30


class Gait(IntEnum):
    """How the patient walks; the value is the points."""

    NORMAL_BED_REST_OR_WHEELCHAIR = 0
    WEAK = 10
    IMPAIRED = 20


def score_morse(
    *,
    history_of_falling: bool | None = None,
    secondary_diagnosis: bool | None = None,
    ambulatory_aid: AmbulatoryAid | None = None,
    intravenous_access: bool | None = None,
    gait: Gait | None = None,
    forgets_limitations: bool | None = None,
) -> Tally:
    """The Morse Fall Scale, 0 to 125."""
    items = {
        "history of falling": flag(history_of_falling, 25),
        "secondary diagnosis": flag(secondary_diagnosis, 15),
        "ambulatory aid": None if ambulatory_aid is None else int(ambulatory_aid),
        "intravenous access": flag(intravenous_access, 20),
        "gait": None if gait is None else int(gait),
        "mental status": flag(forgets_limitations, 15),
    }
    return tally("morse", VERSION, items, BANDS)


def severity(result: Tally) -> str | None:
    """The priority of the alert that a tally raises, None where it raises none; a partial tally can raise one."""
    return ALERT_SEVERITY if result.band == HIGH else None
