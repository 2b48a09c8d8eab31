"""What the cards of candidates say in words: their patients are those of a lake, whoever they are."""

from __future__ import annotations

from typing import Final

from spark.training.card import Words

_LIMITS: Final = (
    "A candidate: nobody has judged it yet, and it is in service nowhere. Compare its figures with the champion first.",
    "It learned from the patients of this lake, and what their records leave out it does not know.",
    "What states no date of recording is known from the day on which this platform had it.",
)
WORDS: Final = {
    "onset": Words(
        title="Onset of heart disease within two years, on the patients of a lake",
        purpose=(
            "It gives the probability that a patient has a first diagnosis of heart disease within two years, to choose "
            "whom prevention asks in. It is no diagnosis."
        ),
        population=(
            "patients of the lake aged 18 or older with an Encounter in three years and no heart disease on record, at the "
            "first of each year, as known then by the dates of recording"
        ),
        outcome="first diagnosis of coronary disease, infarction, heart failure or atrial fibrillation within 730 days",
        split=(
            "five folds by patient, and by time: the latest two fifths of landmarks are forecast by models that saw neither "
            "their patients nor a landmark whose two years reach into them"
        ),
        operating_point="The fifth of landmarks with the highest forecast.",
        limits=(
            *_LIMITS,
            "A patient appears at several landmarks, so rows are not independent.",
            "Who dies without heart disease within two years, or leaves for another hospital, counts as without it.",
        ),
    ),
    "readmission-store": Words(
        title="Readmission within 30 days, on the discharges of a lake",
        purpose=(
            "At discharge it gives the probability of an unplanned admission within 30 days. No service asks it: the "
            "readmission model in service looks at other features."
        ),
        population=(
            "ends of acute inpatient stays (class IMP, ACUTE) of the patients of the lake, as known then by the dates of "
            "recording; left out: died in the stay, left against advice, less than 30 days on record after"
        ),
        outcome=(
            "an unplanned admission within 30 days, as the measure `readmission` in gold judges it (docs/measures.md)"
        ),
        split="five folds by patient; each stay is forecast by models that saw no stay of its patient",
        operating_point="The fifth of discharges with the highest forecast.",
        limits=(*_LIMITS, "Admissions to other hospitals are not in the lake and count as none."),
    ),
}
