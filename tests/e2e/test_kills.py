"""Everything that was acknowledged survives: parts of the platform are killed at seeded moments while all doors send."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.kills import Amount, prove
from tests.e2e.manifest import Manifest
from tests.e2e.platform import EMULATORS, WORKERS, running_platform


@pytest.mark.slow
@pytest.mark.timeout(1800)
# A connection that a kill broke is left to the collector by the SDK.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nothing_is_lost_doubled_or_stale_while_parts_are_killed(tmp_path: Path) -> None:
    with running_platform(tmp_path / "data") as platform:
        manifest = Manifest(platform.url, platform.token(), str(platform.data / "lake"))
        prove(platform, manifest, (*EMULATORS, *WORKERS), Amount.chosen(10_000, 10), tmp_path)
