"""One platform for the tests that leave it standing, and one for those that kill parts of it."""

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
def any_torn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("torn") / "data")
    yield platform
    platform.stop()


@pytest.fixture
def torn(any_torn: Platform) -> Platform:
    """A platform that runs, of which a test may kill parts, or end it: the next one starts it again."""
    return any_torn if any_torn.runs else any_torn.start()


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
