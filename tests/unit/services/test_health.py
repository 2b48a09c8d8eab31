"""Health asks a silent dependency once, and keeps nobody waiting who can have the answer before."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.services.health import Health
from tests.patience import PATIENCE_S


class Hub:
    """A dependency that answers at once, or as long as it is `silent` not before it may."""

    def __init__(self) -> None:
        self.silent = False
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def __call__(self) -> None:
        if self.silent:
            self.asked.set()
            self.may_answer.wait(PATIENCE_S)


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    yield made
    made.may_answer.set()


def test_while_one_asks_the_others_get_the_answer_before(hub: Hub) -> None:
    health = Health({"hub": hub}, kept_s=-1, patience_s=PATIENCE_S)
    assert health.check()["hub"]["status"] == "ok"
    hub.silent = True
    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(health.check)
        assert hub.asked.wait(PATIENCE_S)
        meanwhile = callers.submit(health.check)
        told = meanwhile.result(PATIENCE_S / 2)
        assert (told["hub"]["status"], first.done()) == ("ok", False)
        hub.may_answer.set()
        assert first.result(PATIENCE_S)["hub"]["status"] == "ok"


def test_who_is_silent_takes_one_thread_and_the_others_still_answer(hub: Hub) -> None:
    hub.silent = True
    health = Health({"hub": hub, "records": lambda: None}, kept_s=-1, patience_s=0.01)
    for _ in range(5):
        told = health.check()
        deadline = time.monotonic() + PATIENCE_S
        while told["records"]["status"] != "ok" and time.monotonic() < deadline:
            told = health.check()
        assert told["records"]["status"] == "ok"
        assert (told["hub"]["status"], told["hub"]["detail"]) == ("unavailable", "no answer")
