"""The rules of Lambda's event source mapping: partial answers, halved batches, retries, records that are given up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from local.lambdas.batches import Batches, Record
from local.lambdas.function import FunctionFailed


class Shard:
    """Records 1 to n of one shard, handed to a function; what was called, done and given up."""

    def __init__(
        self, function: Callable[[list[int]], Any], age_s: Callable[[int], float] = lambda _: 0.0
    ) -> None:
        self.calls: list[list[int]] = []
        self.done: list[str] = []
        self.given_up: list[int] = []
        self.paused: list[float] = []
        self._function = function
        self._batches = Batches(
            self._invoke,
            sequence_of=lambda record: str(record["n"]),
            age_s=lambda record: age_s(record["n"]),
            oldest_s=10,
            set_aside=self._set_aside,
            wait=self.paused.append,
        )

    def run(self, most: int) -> None:
        self._batches.run([{"n": number} for number in range(1, most + 1)], self.done.append)

    def _invoke(self, event: Any) -> Any:
        numbers = [record["n"] for record in event["Records"]]
        self.calls.append(numbers)
        return self._function(numbers)

    def _set_aside(self, records: Sequence[Record]) -> None:
        self.given_up += [record["n"] for record in records]


def failing(*numbers: int) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": str(number)} for number in numbers]}


def test_a_batch_without_failures_is_done_at_once() -> None:
    shard = Shard(lambda _: failing())
    shard.run(4)
    assert (shard.calls, shard.done, shard.paused) == ([[1, 2, 3, 4]], ["4"], [])


def test_no_answer_at_all_counts_as_done() -> None:
    shard = Shard(lambda _: None)
    shard.run(2)
    assert shard.done == ["2"]


def test_a_partial_answer_begins_anew_at_the_lowest_record_it_names() -> None:
    answers = iter([failing(4, 3), failing()])
    shard = Shard(lambda _: next(answers))
    shard.run(5)
    assert shard.calls == [[1, 2, 3, 4, 5], [3, 4, 5]]
    assert shard.done == ["2", "5"]


def test_the_first_record_named_brings_the_whole_batch_again_in_its_order_and_later_each_time() -> None:
    answers = iter([failing(1), failing(1), failing(1), failing()])
    shard = Shard(lambda _: next(answers))
    shard.run(3)
    assert shard.calls == [[1, 2, 3]] * 4
    assert shard.done == ["3"]
    assert shard.paused == sorted(shard.paused)
    assert len(set(shard.paused)) == 3


def test_a_name_that_is_not_of_the_batch_fails_all_of_it() -> None:
    answers = iter([failing(99), failing(), failing()])
    shard = Shard(lambda _: next(answers))
    shard.run(2)
    assert shard.calls == [[1, 2], [1], [2]]


def test_an_error_halves_the_batch_until_the_one_record_is_alone_and_given_up_when_it_is_too_old() -> None:
    tries = [0]

    def function(numbers: list[int]) -> Any:
        if 3 in numbers:
            tries[0] += 1
            raise FunctionFailed("KeyError")
        return failing()

    shard = Shard(function, age_s=lambda number: 11 if number == 3 and tries[0] > 4 else 0)
    shard.run(4)
    assert shard.calls == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [3], [3], [4]]
    assert shard.given_up == [3]
    assert shard.done == ["2", "4"]


def test_what_was_too_old_before_it_was_tried_is_given_up() -> None:
    shard = Shard(lambda _: failing(), age_s=lambda number: 11 if number < 3 else 0)
    shard.run(3)
    assert (shard.given_up, shard.calls) == ([1, 2], [[3]])
