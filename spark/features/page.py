"""The page of all features, docs/features.md, made of their declarations. Needs neither Spark nor data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from shared.domain.features.patient.diagnoses import GROUPS
from shared.domain.features.patient.features import DEFINITION, FEATURES
from shared.domain.features.patient.known import SET_ASIDE, WORDS, Clock
from shared.domain.features.patient.measures import MEASURES
from shared.names import TABLES

_HEAD: Final = """# Features of a patient

Made by `python3 -m local catalogue` from the declarations in `shared/domain/features/patient`; a test holds both together.

`python3 -m local spark features` keeps them in the Delta table `{path}`: a row for every patient and
instant. A score on request calls the same functions; a test compares what both see and compute, to the last digit.

| command | makes |
|---|---|
| `python3 -m local spark features` | the features as known at the newest instant that silver has heard of |
| `python3 -m local spark features --as-of 2026-01-31T08:00:00Z` | those as known then; `--as-of` can be given again |
| `python3 -m local spark features --known-by source --as-of 2016-01-01T00:00:00Z` | by the dates that sources state |
| `python3 -m local spark features --known-by source --at-discharges` | of each patient at the end of each stay |
| `python3 -m local spark features --full` | the rows of the instant anew |

A run for an instant that the store has already does nothing. A new definition (now {definition}) makes the rows anew.
Those at the ends of stays are in `{discharges}`, all of them anew in each run.
`python3 -m local query "select * from features_patients limit 5"` asks the table; `python3 -m local query` lists all.

## As known at an instant

A fact counts from the instant at which somebody had it, not from the date it is about: a result of Monday that arrives on
Wednesday is no feature of Tuesday, and what was corrected on Wednesday has on Tuesday its first value.

| `known_by` | a fact is known since | for |
|---|---|---|
{clocks}
By the platform's clock a row whose version came later gives way to the newest version that was there by then, which
bronze still holds. An end after the instant was not known at it. By the source's clock versions are those of now: no
source states when it corrected.

## What does not count

Facts are put in the order (time, id) before anything is computed, whatever the order of their arrival. Of those known by
the instant some do not count; store and score on request say how many, by reason. A patient about whom nothing is known
has a row without values; a patient not known at the instant has none. What is marked * silver has set aside already, with
its reason in `quarantine/set-aside`, and the last good version stands in the lake; a score on request names it.

"""
_CLOCKS: Final = {
    Clock.PLATFORM: (
        "`meta.lastUpdated`, when this platform had the version; the same in the records and in the lake",
        "what a score could have said at that instant",
    ),
    Clock.SOURCE: (
        "the date that the resource states: `issued`, `recordedDate`, `authoredOn`, `period`; without one, as above",
        "histories that were taken over in one day",
    ),
}


def page() -> str:
    """The page in Markdown."""
    head = _HEAD.format(
        path=TABLES["features_patients"],
        discharges=TABLES["features_at_discharges"],
        definition=DEFINITION,
        clocks="".join(f"| `{name}` | {' | '.join(words)} |\n" for name, words in _CLOCKS.items()),
    )
    parts = [
        head + _table(
            ("reason", "the fact does not count because"),
            ((name, words + (" *" if name in SET_ASIDE else "")) for name, words in WORDS.items()),
            code=1,
        ),
        "## The features\n\n"
        + _table(
            ("feature", "unit", "meaning", "source", "without data"),
            ((each.name, each.unit, each.meaning, each.source, each.missing) for each in FEATURES),
            code=1,
        ),
        "## Measures\n\nOne unit each. A value in a unit understood is converted; in any other it does not count.\n\n"
        + _table(
            ("measure", "LOINC", "unit", "also understood", "possible"),
            (
                (
                    each.words, ", ".join(each.codes), each.unit, _others(each.units, each.unit),
                    f"{each.low:g} to {each.high:g}",
                )
                for each in MEASURES
            ),
        ),
        "## Diagnoses\n\nThe first coding of a Condition, by SNOMED CT concept or ICD-10-CM category and all below it.\n\n"
        + _table(
            ("group", "what", "SNOMED CT", "ICD-10-CM"),
            ((each.name, each.words, " ".join(sorted(each.snomed)), " ".join(each.icd_10)) for each in GROUPS),
        ),
    ]  # fmt: skip
    return "\n".join(parts)


def _others(units: Iterable[str], own: str) -> str:
    return ", ".join(unit for unit in units if unit != own)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, code: int = 0) -> str:
    """A table; the first `code` cells of a row are code."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        cells = [f"`{cell}`" if place < code else cell for place, cell in enumerate(row)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
