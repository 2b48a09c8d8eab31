"""What Lambda does with a batch of a stream until each record is done or set aside.

A partial answer begins anew at the lowest record it names; an error halves the batch; one record alone is tried again
until it is too old, then it goes to the destination of failures.
https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from local.lambdas.function import FunctionFailed, PayloadTooLarge

Record = dict[str, Any]
_PAUSES_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Batches:
    """One shard's. `sequence_of` and `arrived_s` read a record; `set_aside` is given what was given up."""

    def __init__(
        self,
        invoke: Callable[[Any], Any],
        *,
        sequence_of: Callable[[Record], str],
        age_s: Callable[[Record], float],
        oldest_s: float,
        set_aside: Callable[[Sequence[Record]], None],
        wait: Callable[[float], object],
    ) -> None:
        self._invoke = invoke
        self._sequence_of = sequence_of
        self._age_s = age_s
        self._oldest_s = oldest_s
        self._set_aside = set_aside
        self._wait = wait

    def run(self, records: Sequence[Record], done: Callable[[str], None]) -> None:
        """Hand all over, in order; `done` hears the last sequence of each part that need not come again."""
        parts = deque([list(records)])
        failures = 0
        while parts:
            part = self._young(parts.popleft())
            if not part:
                continue
            handled, halve = self._hand_over(part)
            if handled:
                failures = 0
                done(self._sequence_of(part[handled - 1]))
            if handled == len(part):
                continue
            rest = part[handled:]
            middle = len(rest) // 2 if halve else 0
            parts.extendleft([rest[middle:], rest[:middle]] if middle else [rest])
            self._wait(_PAUSES_S[min(failures, len(_PAUSES_S) - 1)])
            failures += 1

    def _hand_over(self, part: list[Record]) -> tuple[int, bool]:
        """How many from the first on are done, and whether the rest is halved."""
        try:
            answer = self._invoke({"Records": part})
        except (FunctionFailed, PayloadTooLarge):
            return 0, True
        named = [each.get("itemIdentifier") for each in (answer or {}).get("batchItemFailures", ())]
        if not named:
            return len(part), False
        sequences = [self._sequence_of(record) for record in part]
        if any(each not in sequences for each in named):
            return 0, True  # what it names is not of this batch: all of it counts as failed
        return min(sequences.index(each) for each in named), False

    def _young(self, part: list[Record]) -> list[Record]:
        old = [record for record in part if self._age_s(record) > self._oldest_s]
        if old:
            self._set_aside(old)
        return [record for record in part if record not in old] if old else part
