"""HOSPITAL, a score of potentially avoidable readmission within 30 days.

Source: Donzé J et al. Potentially avoidable 30-day hospital readmissions in medical patients. JAMA Intern Med
2013;173(8):632-638, https://doi.org/10.1001/jamainternmed.2013.3023; admissions in the bands of the international
validation (0-1, 2-5, above 5), JAMA Intern Med 2016;176(4):496-502, table 1,
https://doi.org/10.1001/jamainternmed.2015.8462
Classes: 0 to 4 low, 5 and 6 intermediate, 7 and more high; of 117,065 discharges there 62.4, 23.6 and 14.0 %, with
potentially avoidable readmissions of 5.8, 11.9 and 22.8 % (as https://cliniborg.com/2017/01/06/hospital-score-to-predict-readmission-risk
quotes them). One admission in the year before gives no points there; it gave 2 by the derivation of 2013.
Population: adults discharged alive from a medical ward; not transfers to another acute hospital.
Units: haemoglobin g/dL and sodium mmol/L, both the last before discharge; admissions in the twelve months before;
length of stay in days. A missing item gives no points and is named.
"""

from __future__ import annotations

from shared.domain.scores.published.tally import Number, Tally, checked, flag, step, tally

VERSION = "hospital-jama-2016.1"
BANDS = ((0, "low"), (5, "intermediate"), (7, "high"))


def score_hospital(
    *,
    haemoglobin_g_dl: Number | None = None,
    oncology_service: bool | None = None,
    sodium_mmol_l: Number | None = None,
    procedure: bool | None = None,
    urgent_admission: bool | None = None,
    admissions_last_year: int | None = None,
    length_of_stay_days: int | None = None,
) -> Tally:
    """HOSPITAL, 0 to 13. Raises Implausible for a value that cannot be."""
    haemoglobin = checked("haemoglobin", haemoglobin_g_dl, 1, 30)
    sodium = checked("sodium", sodium_mmol_l, 80, 220)
    admissions = checked("admissions", admissions_last_year, 0, 400)
    days = checked("length of stay", length_of_stay_days, 0, 36_500)
    items = {
        "haemoglobin": None if haemoglobin is None else int(haemoglobin < 12),
        "oncology service": flag(oncology_service, 2),
        "sodium": None if sodium is None else int(sodium < 135),
        "procedure": flag(procedure, 1),
        "urgent admission": flag(urgent_admission, 1),
        "admissions": step(admissions, ((2, 2), (6, 5))),
        "length of stay": step(days, ((5, 2),)),
    }
    return tally("hospital", VERSION, items, BANDS)
