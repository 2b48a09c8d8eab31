"""What EventBridge has to tell of dropped files outlives the process that is told."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from local.lambdas.events import DroppedFiles
from local.lambdas.function import FunctionFailed
from tests.patience import PATIENCE_S


class Landing:
    """A function that ends when it was told of so many files; with `dies` the last of them kills it."""

    def __init__(self, calls: int, *, dies: bool = False) -> None:
        self.keys: list[str] = []
        self.stop = threading.Event()
        self._calls, self._dies = calls, dies

    def __call__(self, event: Any) -> None:
        self.keys.append(event["detail"]["object"]["key"])
        if len(self.keys) == self._calls:
            self.stop.set()
            if self._dies:
                raise FunctionFailed


@pytest.fixture
def told(tmp_path: Path) -> Path:
    return tmp_path / "lambda" / "landing-told"


def run(s3: Any, bucket: str, function: Landing, told: Path) -> list[str]:
    """The keys that a process tells until it stops."""
    running = threading.Thread(target=DroppedFiles(s3, bucket, function, told).run, args=(function.stop,))  # type: ignore[arg-type]
    running.start()
    running.join(PATIENCE_S)
    assert not running.is_alive()
    return function.keys


def test_a_file_whose_call_died_or_that_came_while_nothing_ran_is_told_by_the_next_process(
    s3: Any, aws_bucket: str, told: Path
) -> None:
    def drop(key: str, body: bytes = b"{}") -> None:
        s3.put_object(Bucket=aws_bucket, Key=key, Body=body)

    drop("t/before")  # the sweeper's
    first = Landing(0)
    first.stop.set()
    assert run(s3, aws_bucket, first, told) == []
    drop("t/1")
    drop("t/2")
    assert run(s3, aws_bucket, Landing(2, dies=True), told) == ["t/1", "t/2"]
    drop("t/1", b"[]")
    drop("t/3")
    assert run(s3, aws_bucket, Landing(3), told) == ["t/1", "t/2", "t/3"]
