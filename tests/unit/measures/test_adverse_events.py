"""Adverse event reports as rows."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from shared.domain.safety.values import age_in_years, day_of
from spark.measures.adverse_events import is_overdose, report_rows, report_version


@pytest.mark.parametrize(
    ("age", "unit", "years"),
    [
        ("26", "801", 26),
        ("7", "800", 70),
        ("24", "802", 2),
        ("23", "802", 1),
        ("12", "802", 1),
        ("52", "803", 0),
        ("53", "803", 1),
        ("366", "804", 1),
        ("20", "805", 0),
        ("4.9", "801", 4),
        ("26", None, None),
        ("26", "999", None),
        ("-1", "801", None),
        ("200", "801", None),
        ("NaN", "801", None),
        ("old", "801", None),
        (None, "801", None),
    ],
)
def test_ages_are_completed_years_of_the_reports_unit(age: Any, unit: Any, years: int | None) -> None:
    assert age_in_years(age, unit) == years


@pytest.mark.parametrize(
    ("text", "form", "day"),
    [
        ("20090109", "102", date(2009, 1, 9)),
        ("200901", "610", date(2009, 1, 1)),
        ("2009", "602", date(2009, 1, 1)),
        ("20090109", None, date(2009, 1, 9)),
        ("20090231", "102", None),
        ("2009", "102", None),
        (None, "102", None),
        ("soon", "102", None),
    ],
)
def test_dates_follow_their_format(text: Any, form: Any, day: date | None) -> None:
    assert day_of(text, form) == day


def test_a_report_is_a_row_per_reaction_and_drug() -> None:
    report = {
        "safetyreportid": "1",
        "transmissiondate": "20200131",
        "transmissiondateformat": "102",
        "patient": {
            "patientonsetage": "6",
            "patientonsetageunit": "802",
            "patientsex": "2",
            "reaction": [{"reactionmeddrapt": "Accidental overdose"}, {"reactionmeddrapt": "Nausea"}],
            "drug": [
                {"medicinalproduct": "ASPIRIN", "drugcharacterization": "1", "drugindication": "PAIN"},
                {"medicinalproduct": " Ibuprofen ", "drugcharacterization": "9"},
            ],
        },
    }
    rows = list(report_rows(report))
    assert [(row["reaction.reactionmeddrapt"], row["drug_name"], row["is_overdose"]) for row in rows] == [
        ("Accidental overdose", "ASPIRIN", True),
        ("Accidental overdose", "Ibuprofen", True),
        ("Nausea", "ASPIRIN", False),
        ("Nausea", "Ibuprofen", False),
    ]
    assert (rows[0]["patientonsetage"], rows[0]["patientsex"]) == (0, 2)
    assert (rows[0]["drug_characterization"], rows[1]["drug_characterization"]) == (1, None)
    assert (rows[0]["drug_indication"], rows[1]["drug_indication"]) == ("PAIN", None)


def test_a_report_that_names_nothing_keeps_its_row() -> None:
    (row,) = report_rows({"safetyreportid": "2", "patient": {"reaction": None}})
    assert (row["safetyreportid"], row["drug_name"], row["is_overdose"]) == ("2", None, False)


def test_a_report_without_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a safetyreportid"):
        list(report_rows({"patient": {}}))


def test_the_higher_version_is_newer_and_then_the_later_receipt() -> None:
    older = report_version({"safetyreportversion": "2", "receiptdate": "20200301"})
    assert report_version({"safetyreportversion": "10", "receiptdate": "20200101"}) > older
    assert report_version({"safetyreportversion": "2", "receiptdate": "20200302"}) > older


def test_a_number_that_no_column_could_hold_is_none() -> None:
    patient = {"patientonsetage": "9" * 30, "patientonsetageunit": "801", "patientsex": "²"}
    (row,) = report_rows({"safetyreportid": "3", "patient": patient})
    assert (row["patientonsetage"], row["patientsex"]) == (None, None)
    assert report_version({"safetyreportversion": "9" * 5000}) == (0, "")
    assert report_version({"safetyreportversion": "²"}) == (0, "")


def test_overdose_is_a_word_of_the_term() -> None:
    assert is_overdose("OVERDOSE")
    assert is_overdose("Intentional overdose")
    assert not is_overdose("Underdose")
    assert not is_overdose(None)
