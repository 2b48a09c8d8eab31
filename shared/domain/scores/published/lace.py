"""LACE, an index of early death or unplanned readmission within 30 days of discharge.

Source: van Walraven C et al. Derivation and validation of an index to predict early death or unplanned readmission after
discharge from hospital to the community. CMAJ 2010;182(6):551-557, table 3 and appendix 2, https://doi.org/10.1503/cmaj.091117
Population: adults of medical and surgical wards discharged to the community; not residents of nursing homes, not newborns.
Units: length of stay in whole days (0 for less than one), the Charlson index with the weights of that paper,
emergency visits in the six months before, without the one that led to this stay. A missing item gives no points and
is named.
"""

from __future__ import annotations

from shared.domain.scores.published.tally import Tally, checked, flag, step, tally

VERSION = "lace-cmaj-2010.1"
BANDS = ((0, "low"), (5, "moderate"), (10, "high"))


def score_lace(
    *,
    length_of_stay_days: int | None = None,
    acute_admission: bool | None = None,
    charlson_index: int | None = None,
    emergency_visits_6_months: int | None = None,
) -> Tally:
    """LACE, 0 to 19. Raises Implausible for a value that cannot be."""
    days = checked("length of stay", length_of_stay_days, 0, 36_500)
    charlson = checked("Charlson index", charlson_index, 0, 60)
    visits = checked("emergency visits", emergency_visits_6_months, 0, 1000)
    items = {
        "length of stay": step(days, ((1, 1), (2, 2), (3, 3), (4, 4), (7, 5), (14, 7))),
        "acute admission": flag(acute_admission, 3),
        "comorbidity": step(charlson, ((1, 1), (2, 2), (3, 3), (4, 5))),
        "emergency visits": step(visits, ((1, 1), (2, 2), (3, 3), (4, 4))),
    }
    return tally("lace", VERSION, items, BANDS)
