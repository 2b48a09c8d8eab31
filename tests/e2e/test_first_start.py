"""What a new user sees: the first start feeds the sample through all three doors, the next one leaves it alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.doors import Api
from tests.e2e.platform import Platform, eventually

PATIENTS = 15
FED = "serving on"


@pytest.mark.slow
def test_the_first_start_feeds_the_sample_and_the_next_one_finds_it(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "data")
    try:
        platform.start(sample=True)
        eventually(lambda: FED in platform.said(), "the sample is fed")
        said = platform.said()
        rows = {words[0]: words[1:] for line in said.splitlines() if len(words := line.split()) == 10}
        with Api(platform.url, platform.token()) as api:
            on_record = [api.total(type_) for type_ in ("Patient", "Observation", "RiskAssessment")]
            alerts = api.get("/alerts").json()["alerts"]
        assert {"http", "stream", "file"} <= set(rows), said
        for door in ("http", "stream", "file"):
            received, valid, rejected, _, recorded, *_ = map(float, rows[door])
            assert received >= valid >= recorded > 0
            assert rejected == 0
        assert "NOT ACCOUNTED FOR" not in said
        assert on_record[0] == PATIENTS
        assert "P1" in {alert["severity"] for alert in alerts}
        assert platform.stop() == 0
        state = [path for path in platform.data.rglob("*") if path.is_file()]
        assert state
        assert not [path for path in state if path.stat().st_mode & 0o077], (
            "others on this machine can read it"
        )

        platform.start(sample=True)
        eventually(lambda: platform.said().count(FED) == 2, "it serves again")
        assert "records are there already" in platform.said()
        with Api(platform.url, platform.token()) as api:
            assert [api.total(type_) for type_ in ("Patient", "Observation", "RiskAssessment")] == on_record
    finally:
        platform.stop()
