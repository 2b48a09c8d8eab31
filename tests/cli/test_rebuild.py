"""A rebuild that would not fit into memory is refused before it begins; one that a store ends says so in a sentence."""

from __future__ import annotations

import contextlib
import json

import pytest

from local import exits
from local.cli.rebuild import MB_PER_1000_VERSIONS, check, compare_live, free_memory_mb, require_memory
from local.exits import CommandStopped
from shared.adapters.memory.faults import Failure
from shared.adapters.memory.records import MemoryRecords
from shared.domain.records import Item, stored_body
from shared.errors import Busy, Conflict, Fault, Forbidden, Unavailable
from shared.services.rebuild import Comparison
from tests.delivery.world import World
from tests.unit.scores.ward import PATIENT, Ward, vital


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
    whole = Comparison()
    compare_live(world, whole)
    assert whole.differences == []
    world.script.plan = lambda name, _writes: Failure(failure) if name == call else None
    with pytest.raises(CommandStopped, match=f"^{failure} Until then it read ") as stopped:
        compare_live(world, Comparison())
    assert stopped.value.exit_code == exits.NOT_RUNNING
    assert "compared nothing: no difference. Of the rest nothing can be said." in str(stopped.value)


COMPARED = ["current versions", "history", "early warning scores and their alerts", "what models said"]


def _altered() -> World:
    """A patient whose record, the version before it, and a score of whom were altered."""
    ward = Ward()
    ward.put({"resourceType": "Patient", "birthDate": "1950-01-02"}, PATIENT)
    ward.post(vital(ward.ago(minutes=5), "9279-1", 30))
    ward.react()
    records = ward.world.stores.records
    ward.world.land_commits.land(records.changes)
    for item in list(records.changes):
        if item["kind"] in ("current", "history") and item["type"] in ("Patient", "RiskAssessment"):
            _alter(records, item)
    return ward.world


def _alter(records: MemoryRecords, item: Item) -> None:
    there = records.read(item["tenant"], item["home"], item["id"])
    assert there is not None
    records.replace({**there, **stored_body("{}")}, there["_etag"])


def test_what_was_found_until_a_store_refuses_is_printed_and_how_far_it_came(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = _altered()
    assert check(world, "json") == exits.FINDING
    whole = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {each["kind"].partition(":")[0] for each in whole} == {"current", "history", "risk assessment"}
    came = [_stopped_after(world, answered, whole, capsys) for answered in range(30)]
    assert set(came) == {(0, 0), (1, 1), (2, 2), (2, 4), (3, 4), None}
    assert came[-1] is None


def _refuse_after(world: World, answered: int) -> None:
    left = iter(range(answered))
    world.script.plan = lambda name, _writes: (
        Failure(Busy()) if name == "records.query" and next(left, None) is None else None
    )


def _stopped_after(
    world: World, answered: int, whole: list[dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> tuple[int, int] | None:
    """How many kinds were compared and how many differences printed until a query was refused; None where none was."""
    _refuse_after(world, answered)
    try:
        check(world, "json")
    except CommandStopped as stopped:
        said = str(stopped)
    else:
        said = ""
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found == whole[: len(found)]
    if not said:
        return None
    count = f"{len(found)} difference{'s' * (len(found) > 1)}" if found else "no difference"
    compared = [words for words in COMPARED if words in said]
    far = f"Until then it read 1 raw files and compared {', '.join(compared) or 'nothing'}: {count}."
    assert said == f"{Busy()} {far} Of the rest nothing can be said."
    return len(compared), len(found)


def _told_to_others(world: World) -> list[float]:
    samples = World(world.stores).metrics.snapshot()
    return [sample.value for sample in samples if sample.name == "galen_rebuild_differences"]


def test_the_alarm_hears_of_what_was_found_until_a_store_refuses_and_of_no_zero(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world, told = _altered(), []
    for answered in range(30):
        _refuse_after(world, answered)
        with contextlib.suppress(CommandStopped):
            check(world, "json")
        found = len(capsys.readouterr().out.splitlines())
        assert _told_to_others(world) == ([found] if found else [])
        told.append(found)
    assert set(told) == {0, 1, 2, 4, max(told)}


def test_what_was_found_is_printed_and_said_though_the_gauge_cannot_be_kept(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = _altered()
    world.script.plan = lambda name, _writes: Failure(Busy()) if name == "records.create" else None
    assert check(world, "json") == exits.FINDING
    said = capsys.readouterr()
    assert said.out
    assert "differences" in said.err
