"""The onset model by schedule: each patient whom it is meant for has one RiskAssessment, as on request, and no more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Door
from shared.services.score_onset import AT_ONCE, EVERY
from tests.unit.features.patients import encounter, observation, patient
from tests.unit.stays.test_onset_on_request import Practice


class Surgery(Practice):
    """The practice whose sweeper runs."""

    def swept(self, **later: float) -> int:
        self.world.moving.advance(timedelta(**later).total_seconds())
        return self.world.sweep.run().patients

    def said(self) -> list[dict[str, Any]]:
        items = [item for item in self.world.current("RiskAssessment") if item["door"] == Door.SCORE]
        return [self.world.bodies.stored(item).resource for item in items]

    def versions(self) -> int:
        return len([item for item in self.world.kinds("history") if item["type"] == "RiskAssessment"])


def test_what_is_written_is_what_a_request_says() -> None:
    surgery = Surgery()
    assert surgery.swept() == 1
    [risk] = surgery.said()
    asked = surgery.risk()
    for name in ("prediction", "basis", "method", "extension", "subject"):
        assert risk[name] == asked[name]


def test_a_day_without_news_adds_no_version_and_a_day_with_news_one() -> None:
    surgery = Surgery()
    surgery.swept()
    assert surgery.swept(minutes=1) == 0
    assert surgery.swept(days=1) == 0
    surgery.add(observation("o", 131, code="8480-6", unit="mm[Hg]", at="2026-03-29T09:30:00Z"))
    assert surgery.swept(hours=2) == 0
    assert surgery.swept(days=1) == 1
    assert (len(surgery.said()), surgery.versions()) == (1, 1)


def test_all_patients_are_asked_about_few_at_a_time() -> None:
    surgery = Surgery()
    for number in range(AT_ONCE + 4):
        surgery.put({**patient(), "id": f"p{number}"}, ResourceKey("Patient", f"p{number}"))
        seen = encounter("e", "AMB", "2026-01-10T09:00:00Z", "2026-01-10T10:00:00Z")
        surgery.add({**seen, "subject": {"reference": f"Patient/p{number}"}})
    first = surgery.swept()
    assert 0 < first <= AT_ONCE
    assert first + surgery.swept(seconds=15) == AT_ONCE + 5
    assert surgery.swept(seconds=15) == 0
    assert timedelta(minutes=1) < EVERY


def test_a_patient_whom_the_model_is_not_made_for_gets_none() -> None:
    surgery = Surgery(birthDate="2015-01-01")
    assert surgery.swept() == 0
    assert surgery.said() == []


def test_another_instance_goes_on_where_the_first_one_came() -> None:
    from tests.delivery.world import World

    surgery = Surgery()
    surgery.swept()
    assert World(surgery.world.stores).sweep.run().patients == 0
