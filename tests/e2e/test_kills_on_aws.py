"""The platform on AWS's protocols, as a user starts it: what was acknowledged survives while its parts are killed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from local.plan_aws import EMULATOR
from local.run_state import RunState
from local.running import services_of
from tests.e2e.kills import Amount, prove
from tests.e2e.manifest import Manifest
from tests.e2e.platform import Platform, running_platform

PAGE = 50
"""Lambda hands over no answer beyond 6 MB."""
EVERYTHING = bool(os.environ.get("GALEN_TEST_EVERYTHING"))
RESOURCES, KILLS = (10_000, 10) if EVERYTHING else (100, 3)
PARTS = (EMULATOR, "reactions", "ingest", "http")


@pytest.mark.slow
@pytest.mark.timeout(3600)
# A connection that a kill broke is left to the collector by the SDK.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nothing_is_lost_doubled_or_stale_while_parts_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_platform(tmp_path / "data", cloud="aws") as platform:
        lake = f"{platform.settings['AWS_ENDPOINT_URL']}/{platform.settings['GALEN_LAKE_BUCKET']}"
        manifest = Manifest(platform.url, platform.token(), lake, PAGE)
        amount = Amount.chosen(RESOURCES, KILLS)
        prove(platform, manifest, PARTS, amount, tmp_path, is_proved=EVERYTHING)
        assert not _set_aside(platform, monkeypatch)


def _set_aside(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, platform.settings[name])
    state = RunState.load(platform.data)
    assert state is not None
    given_up = (platform.data / "lambda").glob("given-up-*.json")
    return [*services_of(state).dead_letters.list(), *given_up]
