"""What the model cards say in words."""

from __future__ import annotations

from local.training.card import Words

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
