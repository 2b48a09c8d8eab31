"""What the model cards say in words."""

from __future__ import annotations

from spark.training.card import Words

WORDS = {
    "readmission": Words(
        title="Readmission within 30 days",
        purpose=(
            "At discharge it gives the probability that a patient with diabetes is admitted again within 30 "
            "days, to decide whom a "
            "discharge team follows up. It is no reason to keep a patient or to send one home."
        ),
        population=(
            "encounters of patients with diabetes in 130 hospitals of the United States, 1999 to 2008, stays"
            " of 1 to 14 days"
        ),
        outcome="admitted again within 30 days of discharge (`readmitted` is `<30`)",
        split=(
            "five folds by patient; rates of categories come from other patients only; of a patient's "
            "encounters only the earlier ones "
            "are seen"
        ),
        operating_point="The tenth of encounters with the highest forecast, which is what a team can follow up.",
        limits=(
            "The data are old and from one country; coding, length of stay and practice have changed.",
            "Deaths after discharge are not in the data and count as no readmission.",
            (
                "Race and payer are features, as they are in the data; the subgroup figures say how well it "
                "does, not whether that is fair."
            ),
            "Calibration holds for the population above. Watch it in another one before acting on the probability.",
        ),
    ),
    "onset": Words(
        title="Onset of heart disease within two years",
        purpose=(
            "It shows the road from the feature store to a forecast on request and on a schedule. The patients it learned "
            "from are simulated: it says nothing about real ones, and nobody is to be treated by it."
        ),
        population=(
            "simulated adults (Synthea, Massachusetts) with an Encounter in three years and no heart disease on record, at "
            "the first of each year, as known then by the dates of recording"
        ),
        outcome="first diagnosis of coronary disease, infarction, heart failure or atrial fibrillation within 730 days",
        split=(
            "five folds by patient, and by time: the latest two fifths of landmarks are forecast by models that saw neither "
            "their patients nor a landmark whose two years reach into them"
        ),
        operating_point="The fifth of landmarks with the highest forecast.",
        limits=(
            "Synthea makes heart disease by rules of age, blood pressure, cholesterol and chance: these are found.",
            "Few patients have the outcome: the figures move by several hundredths with another split.",
            "A patient appears at several landmarks, so rows are not independent.",
            "Who dies without heart disease within two years counts as without it.",
            "Train it anew on real histories, and judge it there, before anybody looks at a number of it.",
        ),
    ),
    "readmission-store": Words(
        title="Readmission within 30 days, on the feature store",
        purpose=(
            "It shows the road from the feature store to a forecast at discharge. It is not in service: the readmission "
            "model in service is the one trained on real encounters."
        ),
        population=(
            "ends of acute inpatient stays (class IMP, ACUTE) of simulated patients (Synthea, Massachusetts), as known then "
            "by the dates of recording; left out: died in the stay, left against advice, less than 30 days on record after"
        ),
        outcome=(
            "an unplanned admission within 30 days, by the function that the measure `readmission` in gold calls "
            "(docs/measures.md)"
        ),
        split="five folds by patient; each stay is forecast by models that saw no stay of its patient",
        operating_point="The fifth of discharges with the highest forecast.",
        limits=(
            (
                "The rows with the outcome, counted above, are the whole evidence. In the Synthea sample they are so "
                "few that each figure rests on one or two patients: none says how good the model is, in either direction."
            ),
            "Synthea draws no readmissions: an admission soon after another one is chance.",
            "Train it anew on real histories, and judge it there, before anybody looks at a number of it.",
        ),
    ),
    "sepsis": Words(
        title="Sepsis in intensive care",
        purpose=(
            "Each hour it gives the probability that the label of the PhysioNet/CinC Challenge 2019 is on: "
            "sepsis (Sepsis-3) begins within "
            "six hours or has begun. It prompts a look at the patient and is no diagnosis."
        ),
        population="stays in intensive care of hospital system B of the challenge, ages 14 and over",
        outcome="`SepsisLabel`, which turns to 1 six hours before sepsis",
        split="five folds by stay, the mean of the folds' models is published; each hour from that hour and earlier ones",
        operating_point="The threshold that earns the highest utility of the challenge on the out-of-fold forecasts.",
        limits=(
            (
                "One hospital system. What is measured and how often is a strong signal, and it differs between "
                "hospitals."
            ),
            (
                "The label rests on when cultures were taken and antibiotics given, so it is partly a forecast "
                "of what clinicians do."
            ),
            (
                "Most alarms are early or false: the positive predictive value above is per hour. Episodes join "
                "the hours of one patient."
            ),
            "It has not been tried on patients prospectively.",
        ),
    ),
}
