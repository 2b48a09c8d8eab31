"""What models say live is landed for the tables: each version once, with what it was made of, and nothing else."""

from __future__ import annotations

import gzip
from typing import Any

from shared.domain.fhir import json
from shared.domain.stays.assessment import said_by
from shared.names import LIVE_PREDICTIONS
from tests.delivery.world import World
from tests.unit.scores.ward import CALLER, vital
from tests.unit.stays.icu import CALM, PATIENT, Icu


class Followed(Icu):
    """A stay whose changes are reacted to and whose predictions are landed, in pages as the feed gives them."""

    def page(self) -> int:
        changes = self.world.stores.records.changes
        start, self.seen = self.seen, len(changes)
        self.world.score_sepsis.react(changes[start:])
        self.world.score_vitals.react(changes[start:])
        told = changes[len(changes[: self.seen]) :]
        self.seen = len(self.world.stores.records.changes)
        return self.world.land_predictions.land(told)

    def files(self) -> list[str]:
        return [file.path for file in self.world.lake.list(LIVE_PREDICTIONS)]

    def lines(self) -> list[dict[str, Any]]:
        texts = (gzip.decompress(self.world.lake.read(path)).decode() for path in self.files())
        return [json.decode_object(line) for text in texts for line in text.splitlines()]


def followed() -> Followed:
    icu = Followed()
    icu.admit()
    icu.page()
    icu.measure(5, **CALM)
    icu.page()
    icu.world.moving.advance(1)  # of two versions of one instant none is the newer
    icu.measure(5.5, HR=190.0)
    icu.page()
    return icu


def test_each_version_of_a_models_assessment_is_a_line_and_a_score_by_rule_is_none() -> None:
    icu = followed()
    lines = icu.lines()
    assert {line["model"] for line in lines} == {"sepsis"}
    assert len(icu.world.current("RiskAssessment")) > 1
    [stored] = [risk for risk in icu.risks() if said_by(risk)]
    newest = max(lines, key=lambda line: str(line["source_version"]))
    assert newest["probability"] == stored["prediction"][0]["probabilityDecimal"]
    assert newest["as_of"] == stored["occurrenceDateTime"]
    assert {line["as_of"] for line in lines} == {"2026-03-28T20:30:00.000000Z", "2026-03-28T21:00:00.000000Z"}


def test_a_line_has_the_numbers_that_the_score_was_made_of() -> None:
    newest = max(followed().lines(), key=lambda line: str(line["source_version"]))
    known = {each["name"]: float(each["value"]) for each in newest["inputs"]}
    assert known == {**CALM, "HR": 190.0}


def test_a_line_has_what_moved_the_score_with_value_date_and_version() -> None:
    icu = followed()
    newest = max(icu.lines(), key=lambda line: str(line["source_version"]))
    [stored] = [risk for risk in icu.risks() if said_by(risk)]
    told = [
        {
            each["url"]: next(value for name, value in each.items() if name != "url")
            for each in part["extension"]
        }
        for part in stored["extension"][0]["extension"]
        if part["url"] == "contribution"
    ]
    assert [(each["feature"], each["measured"]) for each in newest["reasons"]] == [
        (each["feature"], each.get("measured")) for each in told
    ]
    sources = [each.get("observation") or each.get("resource") for each in told]
    assert [each["resource"] for each in newest["reasons"]] == [
        each and each["reference"] for each in sources
    ]
    assert any(str(each["resource"]).startswith("Observation/") for each in newest["reasons"])


def test_a_page_that_comes_again_adds_no_file() -> None:
    icu = followed()
    before = icu.files()
    assert icu.world.land_predictions.land(icu.world.stores.records.changes) == 0
    assert icu.files() == before


def test_another_process_lands_the_same_lines_again() -> None:
    icu = followed()
    before = {str(line) for line in icu.lines()}
    again = World(icu.world.stores).land_predictions
    assert [again.land(icu.world.stores.records.changes) for _ in range(2)] == [2, 0]
    assert {str(line) for line in icu.lines()} == before


def test_an_assessment_that_a_client_wrote_is_none_of_the_platforms() -> None:
    icu = followed()
    risk = icu.world.risk.assess(CALLER, PATIENT.id, "sepsis")
    before = icu.lines()
    icu.post(risk)
    icu.post(vital(icu.at(6), "8867-4", 80))
    icu.world.land_predictions.land(icu.world.stores.records.changes[icu.seen :])
    assert icu.lines() == before
