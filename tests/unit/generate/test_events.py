"""Made up events: the same from the same seed, taken by the platform, broken only on demand."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from itertools import count, islice
from pathlib import Path

import pytest

from local.exits import CommandStopped
from local.generate.from_files import reports_in
from local.generate.safety_reports import SafetyReports
from local.generate.vitals import Vitals
from shared.domain.devices import to_observations
from shared.domain.fhir.json import decode_object
from shared.domain.safety.report import check_report
from shared.errors import InputError

TODAY = date(2026, 3, 29)
NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def reports(seed: int, number: int, *, broken: float = 0.0, repeated: float = 0.0) -> list[bytes]:
    made = SafetyReports(seed, lambda: TODAY, broken=broken, repeated=repeated)
    return [event.body for event in islice(made, number)]


def is_taken(body: bytes) -> bool:
    try:
        return check_report(decode_object(body), TODAY) == []
    except InputError:
        return False


def test_the_same_seed_makes_the_same_reports_and_another_one_others() -> None:
    assert reports(7, 50, broken=0.1, repeated=0.1) == reports(7, 50, broken=0.1, repeated=0.1)
    assert not set(reports(7, 50)) & set(reports(8, 50))


def test_every_report_is_one_that_the_platform_takes() -> None:
    assert all(map(is_taken, reports(1, 500)))


def test_about_one_in_ten_is_a_follow_up_with_a_higher_version() -> None:
    versions: dict[str, list[int]] = {}
    for body in reports(2, 500):
        report = decode_object(body)
        versions.setdefault(report["safetyreportid"], []).append(int(report["safetyreportversion"]))
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
    assert 20 <= 500 - len(versions) <= 80


def test_the_asked_share_is_broken_and_the_platform_notices_each() -> None:
    made = SafetyReports(3, lambda: TODAY, broken=0.2)
    refused = sum(not is_taken(event.body) for event in islice(made, 500))
    assert 60 <= refused <= 140


def test_the_asked_share_comes_again_and_sometimes_after_its_follow_up() -> None:
    bodies = reports(4, 500, repeated=0.2)
    assert 60 <= len(bodies) - len(set(bodies)) <= 140
    newest: dict[str, int] = {}
    late = 0
    for body in bodies:
        report = decode_object(body)
        number, version = report["safetyreportid"], int(report["safetyreportversion"])
        late += version < newest.get(number, 0)
        newest[number] = max(version, newest.get(number, 0))
    assert late


def test_files_give_each_report_once_in_any_of_their_forms(tmp_path: Path) -> None:
    first, *rest = [decode_object(body) for body in reports(1, 5)]
    (tmp_path / "a.json").write_text(json.dumps({"meta": {}, "results": [first, rest[0]]}))
    (tmp_path / "b.ndjson").write_text("\n".join(json.dumps(each) for each in rest[1:3]))
    (tmp_path / "c.json").write_text(json.dumps(rest[3]))
    found = [decode_object(event.body) for event in reports_in([tmp_path])]
    assert found == [first, *rest]
    (tmp_path / "d.json").write_text("{")
    with pytest.raises(CommandStopped, match="not JSON"):
        list(reports_in([tmp_path]))


def test_events_about_one_thing_keep_to_one_lane() -> None:
    lanes: dict[str, set[str]] = {}
    for event in islice(SafetyReports(5, lambda: TODAY, repeated=0.3), 300):
        lanes.setdefault(event.about, set()).add(event.lane)
    assert all(len(found) == 1 for found in lanes.values())
    assert len(set.union(*lanes.values())) > 8


def test_every_reading_is_one_that_the_platform_takes_and_names_another_instant() -> None:
    made = Vitals(7, lambda: NOW, patients=3)
    found = [each for event in islice(made, 60) for each in to_observations(decode_object(event.body))]
    assert len(found) == 60 * 6
    assert len({each.identity for each in found}) == len(found)


def test_readings_differ_by_seed_and_not_by_run() -> None:
    def values(seed: int) -> list[object]:
        made = Vitals(seed, lambda: NOW, patients=2)
        return [decode_object(event.body)["readings"] for event in islice(made, 20)]

    assert values(1) == values(1) != values(2)


def test_patients_are_well_at_first_and_some_become_ill_and_recover() -> None:
    ticks = count()
    made = Vitals(11, lambda: NOW + timedelta(seconds=next(ticks)), patients=10)
    rates = [
        int(reading["value"])
        for event in islice(made, 3_000)
        for reading in decode_object(event.body)["readings"]
        if reading["metric"] == "respiratory_rate"
    ]
    assert max(rates[:10]) <= 20
    assert max(rates) >= 25
    assert min(rates[-500:]) <= 20
