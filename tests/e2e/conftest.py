"""One platform for the tests that leave it standing; those that kill parts of one start their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.doors import Api
from tests.e2e.patients import Bundle, bundles
from tests.e2e.platform import Platform, running_platform


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("platform") / "data") as started:
        yield started


@pytest.fixture(scope="session")
def api(platform: Platform) -> Iterator[Api]:
    with Api(platform.url, platform.token()) as client:
        yield client


@pytest.fixture(scope="session")
def stranger(platform: Platform) -> Iterator[Api]:
    """A caller of another tenant who may do everything there."""
    with Api(platform.url, platform.token("--tenant", "other")) as client:
        yield client


@pytest.fixture(scope="session")
def patients() -> list[Bundle]:
    """Four real patients, the smallest of the first ten."""
    return sorted(bundles(10), key=lambda bundle: len(bundle["entry"]))[:4]
