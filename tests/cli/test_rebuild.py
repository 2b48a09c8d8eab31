"""A rebuild that would not fit into memory is refused before it begins; one that a store ends says so in a sentence."""

from __future__ import annotations

import pytest

from local import exits
from local.cli.rebuild import MB_PER_1000_VERSIONS, compare_live, free_memory_mb, require_memory
from local.exits import CommandStopped
from shared.adapters.memory.faults import Failure
from shared.errors import Busy, Conflict, Fault, Forbidden, Unavailable
from tests.unit.scores.ward import Ward


def test_a_store_that_does_not_fit_is_refused_with_what_it_needs() -> None:
    with pytest.raises(CommandStopped, match="need about 70,000 MB, and 8,000 MB may be used"):
        require_memory(10_000_000, 8_000)


def test_a_store_that_fits_is_rebuilt() -> None:
    require_memory(1_000_000, 1_000 * MB_PER_1000_VERSIONS)


def test_a_system_that_does_not_say_is_believed_to_have_enough() -> None:
    require_memory(10_000_000, 0)
    assert free_memory_mb() >= 0


FAILURES = [
    Busy(),
    Unavailable(),
    Fault(),
    Conflict("Somebody else has it."),
    Forbidden("This identity may not read."),
]


@pytest.mark.parametrize("call", ["records.count", "records.query", "lake.read"])
@pytest.mark.parametrize("failure", FAILURES, ids=lambda each: type(each).__name__)
def test_a_store_that_does_not_answer_or_refuses_ends_it_in_a_sentence(call: str, failure: Exception) -> None:
    world = Ward().world
    world.react()
    assert compare_live(world).differences == []
    world.script.plan = lambda name, _writes: Failure(failure) if name == call else None
    with pytest.raises(CommandStopped, match=f"^nothing can be said: {failure} What") as stopped:
        compare_live(world)
    assert stopped.value.exit_code == exits.NOT_RUNNING
