"""The six projects of the report: what each shows, from which gold table, with the definition in a sentence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from local.report.charts import GREEN, ORANGE, Bar, Line, bars, lines, table
from local.report.tables import Gold, Row

_SHOWN: Final = 12
_FEWEST: Final = 5
"""Groups of fewer people are not shown, as in the tables whose small cells are hidden."""
_AGES: Final = ("0-14", "15-24", "25-44", "45-64", "65-74", "75+")


@dataclass(frozen=True, slots=True)
class Figure:
    """One chart with its table and what it says."""

    title: str
    words: str
    chart: str
    figures: str


@dataclass(frozen=True, slots=True)
class Section:
    """One project."""

    name: str
    title: str
    figures: Callable[[Gold], list[Figure]]


def journey(gold: Gold) -> list[Figure]:
    """Days to treatment and to resolution by condition."""
    rows = [row for row in gold.rows("journey_by_condition") if row["patients"] >= _FEWEST]
    treated = _largest((row for row in rows if row["treated"]), "treated")
    resolved = _largest((row for row in rows if row["median_days_to_resolution"] is not None), "resolved")
    share = [
        Bar(
            row["condition_display"],
            100 * row["treated_share"],
            100 * row["treated_low"],
            100 * row["treated_high"],
        )
        for row in treated
    ]
    columns = (
        "condition_display",
        "patients",
        "treated",
        "median_days_to_medication",
        "usual_first_medication",
    )
    return [
        Figure(
            "Treated with a medication",
            "Of the patients with a condition, those with a medication request that names it as its reason; whiskers are "
            "Wilson 95 % intervals.",
            bars(share, "% of patients with the condition"),
            _table(
                treated,
                columns,
                ("condition", "patients", "treated", "median days to", "usual first medication"),
            ),
        ),
        Figure(
            "From diagnosis to resolution",
            "Median days until the last record of the condition has an abatement, of those resolved.",
            bars(
                [Bar(row["condition_display"], row["median_days_to_resolution"]) for row in resolved],
                "days",
                GREEN,
            ),
            _table(
                resolved,
                (
                    "condition_display",
                    "patients",
                    "resolved",
                    "median_days_to_resolution",
                    "mean_days_to_resolution",
                ),
                ("condition", "patients", "resolved", "median days", "mean days"),
            ),
        ),
    ]


def surveillance(gold: Gold) -> list[Figure]:
    """The commonest watched conditions by week, and the latest alarms."""
    rows = [row for row in gold.rows("surveillance_flags") if row["place"] == "all" and row["cases"]]
    total: dict[str, int] = defaultdict(int)
    weekly: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    alarmed: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        name, week = row["condition_display"], row["on"].toordinal() // 7
        total[name] += row["cases"]
        weekly[name][week] += row["cases"]
        if row["c2_alarm"] or row["cusum_alarm"]:
            alarmed[name].add(week)
    chosen = sorted(total, key=lambda name: (-total[name], name))[:3]
    weeks = sorted({week for name in chosen for week in weekly[name]})
    span = range(weeks[0], weeks[-1] + 1) if weeks else range(0)
    drawn = [
        Line(
            name,
            [(week, weekly[name][week]) for week in span],
            [(week, weekly[name][week]) for week in sorted(alarmed[name])],
        )
        for name in chosen
    ]
    labels = [
        (week, date.fromordinal(week * 7 + 1).strftime("%b %Y")) for week in span[:: max(1, len(span) // 6)]
    ]
    alarms = sorted(
        (row for row in rows if row["c1_alarm"] or row["c2_alarm"] or row["c3_alarm"] or row["cusum_alarm"]),
        key=lambda row: (row["on"], row["condition_code"]),
        reverse=True,
    )[:_SHOWN]
    columns = ("on", "condition_display", "cases", "c1_alarm", "c2_alarm", "c3_alarm", "cusum_alarm")
    return [
        Figure(
            "Diagnoses by week",
            "The three commonest conditions of the watched two years, all places together; a diamond marks a week with a "
            "C2 or CUSUM alarm. The table has the latest alarms of every method.",
            lines(drawn, labels, "patients diagnosed a week"),
            _table(alarms, columns, ("day", "condition", "cases", "C1", "C2", "C3", "CUSUM")),
        )
    ]


def quality(gold: Gold) -> list[Figure]:
    """Readmission, adherence and stay, by condition over all organisations and months."""
    from spark.measures.intervals import wilson

    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0, 0, 0.0])
    for row in gold.rows("quality_measures"):
        cell = sums[row["measure"], row["condition_display"] or row["condition_code"]]
        for place, name in enumerate(("denominator", "numerator", "excluded")):
            cell[place] += row[name]
        cell[3] += (row["mean_value"] or 0) * row["denominator"]
    found = []
    for measure, title, words in (
        ("readmission", "Readmitted within 30 days", "Unplanned, for whatever cause, of inpatient episodes."),
        (
            "adherence",
            "Adherent to a medication",
            "At least 80 % of the days of a year covered, of two fills or more.",
        ),
    ):
        cells = _cells(sums, measure)
        rated = []
        for name, (total, events, _, _) in cells:
            low, high = wilson(events, total)
            rated.append(Bar(name, 100 * events / total, 100 * max(low, 0), 100 * min(high, 1)))
        rows = [(name, int(total), int(events), int(out)) for name, (total, events, out, _) in cells]
        figures = table(("condition", "denominator", "numerator", "excluded"), rows)
        found.append(
            Figure(title, f"{words} Whiskers are Wilson 95 % intervals.", bars(rated, "%", ORANGE), figures)
        )
    stays = _cells(sums, "stay")
    found.append(
        Figure(
            "Average stay",
            "Days from admission to discharge of inpatient encounters, by the reason.",
            bars([Bar(name, total / count) for name, (count, _, _, total) in stays], "days"),
            table(
                ("condition", "stays", "mean days", "excluded"),
                [(name, int(count), total / count, int(out)) for name, (count, _, out, total) in stays],
            ),
        )
    )
    return found


def _cells(sums: dict[tuple[str, str], list[float]], measure: str) -> list[tuple[str, list[float]]]:
    mine = [(name, cell) for (which, name), cell in sums.items() if which == measure and cell[0]]
    return sorted(mine, key=lambda each: (-each[1][0], each[0]))[:_SHOWN]


def operations(gold: Gold) -> list[Figure]:
    """Encounters by year and class, and what they cost."""
    years: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for row in gold.rows("operations_daily"):
        years[row["class_code"]][row["on"].year] += row["admissions"]
    seen = sorted({year for each in years.values() for year in each})[-20:]
    drawn = [Line(name, [(year, years[name][year]) for year in seen]) for name in sorted(years)][:3]
    costs = gold.rows("cost_by_class")
    by_class: dict[str, list[float]] = defaultdict(lambda: [0, 0.0])
    for row in costs:
        by_class[f"{row['class_code']} ({row['currency']})"][0] += row["encounters"]
        by_class[f"{row['class_code']} ({row['currency']})"][1] += row["claimed"]
    spent = sorted(by_class.items())
    return [
        Figure(
            "Encounters by class",
            "AMB: ambulatory, EMER: emergency, IMP: inpatient. By the day they began, all organisations.",
            lines(
                drawn, [(year, str(year)) for year in seen[:: max(1, len(seen) // 7)]], "encounters a year"
            ),
            table(
                ("year", *(line.label for line in drawn)),
                [(str(y), *(years[n.label][y] for n in drawn)) for y in seen],
            ),
        ),
        Figure(
            "Claimed for an encounter",
            "The mean of the claims that name the encounter first.",
            bars(
                [Bar(name, total / count) for name, (count, total) in spent],
                "currency units an encounter",
                GREEN,
            ),
            table(
                ("class", "encounters", "claimed in all", "mean"),
                [(name, int(count), total, total / count) for name, (count, total) in spent],
            ),
        ),
    ]


def demographics(gold: Gold) -> list[Figure]:
    """Prevalence and means among the living."""
    prevalence = [row for row in gold.rows("prevalence") if not row["suppressed"] and row["cases"]]
    everyone = _largest((row for row in prevalence if row["dimension"] == "all"), "cases")
    shares = [
        Bar(row["condition_display"], 100 * row["rate"], 100 * row["low"], 100 * row["high"])
        for row in everyone
    ]
    means = [
        row for row in gold.rows("group_means") if row["dimension"] == "age_group" and not row["suppressed"]
    ]
    index = sorted(
        (row for row in means if row["measured_code"] == "39156-5" and row["stratum"] in _AGES),
        key=lambda row: _AGES.index(row["stratum"]),
    )
    top = sorted(gold.rows("top_conditions"), key=lambda row: (row["age_group"], row["rank"]))
    return [
        Figure(
            "Prevalence",
            "Living patients with an active record of the condition; whiskers are Wilson 95 % intervals. Cells of 1 to 4 "
            "people are hidden.",
            bars(shares, "% of living patients"),
            _table(everyone, ("condition_display", "people", "cases"), ("condition", "people", "with it")),
        ),
        Figure(
            "Body mass index by age group",
            "The mean of each patient's newest value.",
            bars([Bar(row["stratum"], row["mean"]) for row in index], "kg/m²", GREEN),
            _table(
                sorted(means, key=lambda row: (row["measured"], row["stratum"])),
                ("measured", "stratum", "people", "mean", "deviation", "unit"),
                ("measured", "age group", "people", "mean", "deviation", "unit"),
            ),
        ),
        Figure(
            "The commonest conditions of each age group",
            "Up to five, of those that may be shown.",
            "",
            _table(
                top,
                ("age_group", "rank", "condition_display", "cases", "people"),
                ("age", "rank", "condition", "cases", "of"),
            ),
        ),
    ]


def safety(gold: Gold) -> list[Figure]:
    """Disproportionality, overdose trend and the reactions reported most."""
    signals = _largest((row for row in gold.rows("safety_signals") if row["a"] >= 2), "a")
    drawn = [Bar(f"{row['drug_key']} · {row['reaction_key']}", row["ror_low"]) for row in signals]
    trend = sorted(gold.rows("overdose_trend"), key=lambda row: row["month"])
    months = [row["month"].year * 12 + row["month"].month - 1 for row in trend]
    labels = [(month, f"{month // 12}-{month % 12 + 1:02}") for month in months[:: max(1, len(months) // 6)]]
    columns = (
        "drug_key",
        "reaction_key",
        "a",
        "prr",
        "chi_square",
        "ror",
        "ror_low",
        "ror_high",
        "is_anomaly",
    )
    return [
        Figure(
            "Drugs and reactions reported together more often than apart",
            "The lower bound of the reporting odds ratio's 95 % interval, of pairs with two reports or more; a signal needs "
            "three. It is a question for a reviewer, not a risk.",
            bars(drawn, "reporting odds ratio, lower bound", ORANGE),
            _table(
                signals, columns, ("drug", "reaction", "reports", "PRR", "χ²", "ROR", "low", "high", "signal")
            ),
        ),
        Figure(
            "Reports of overdose",
            "Reports by month of transmission, and those with a reaction whose term says overdose.",
            lines(
                [
                    Line("all reports", [(m, row["reports"]) for m, row in zip(months, trend, strict=True)]),
                    Line("overdose", [(m, row["overdoses"]) for m, row in zip(months, trend, strict=True)]),
                ],
                labels,
                "reports a month",
            ),
            _table(trend[-_SHOWN:], ("month", "reports", "overdoses"), ("month", "reports", "overdose")),
        ),
    ]


def _largest(rows: Iterable[Row], by: str) -> list[Row]:
    return sorted(rows, key=lambda row: (-row[by], str(sorted(row.items(), key=str))))[:_SHOWN]


def _table(rows: Iterable[Row], columns: tuple[str, ...], names: tuple[str, ...]) -> str:
    return table(names, [[row[column] for column in columns] for row in rows])


SECTIONS: Final = (
    Section("journey", "Patient journey", journey),
    Section("surveillance", "Disease surveillance", surveillance),
    Section("quality", "Quality of care", quality),
    Section("operations", "Operations", operations),
    Section("demographics", "Demographics", demographics),
    Section("safety", "Drug safety", safety),
)
