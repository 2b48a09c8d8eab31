"""A transaction that was applied late is landed by the sweep alone, on memory and on the emulators."""

from __future__ import annotations

import pytest

from shared.adapters.memory.faults import Failure
from shared.errors import Busy
from shared.ports.records import Records
from shared.services.commit_sweep import EVERY, GRACE, HOME, PLACE
from shared.services.fhir.intents import STORED, intents_in
from shared.services.land_commits import read_commits
from shared.services.metrics import TENANT as PLATFORM
from tests.delivery.world import Stores, World, anyone, caller, entry, patient, transaction


@pytest.fixture(params=["memory_records", "cosmos_records", "dynamo_records"])
def records(request: pytest.FixtureRequest) -> Records:
    found: Records = request.getfixturevalue(request.param)
    # Other tests have other clocks, and may have swept the same container.
    if place := found.read(PLATFORM, HOME, PLACE):
        found.delete(PLATFORM, HOME, PLACE, place["_etag"])
    return found


def landed(stores: Stores) -> set[str]:
    files = [stores.lake.read(file.path) for file in stores.lake.list("raw/commits")]
    return {f'W/"{line["version"]}"' for data in files for line in read_commits(data)}


def test_a_transaction_that_is_applied_late_is_landed_by_the_sweep(records: Records) -> None:
    stores = Stores()
    stores.records = records  # type: ignore[assignment]
    world = World(stores)
    world.sweep.run()

    def busy(_name: str, writes: bool) -> Failure | None:
        return Failure(Busy()) if writes and any(intents_in(records, STORED)) else None

    world.script.plan = busy
    bundle = transaction(entry("POST", "Patient", patient()), entry("POST", "Patient", patient()))
    answer = world.bundles.bundle(caller(), bundle, anyone)
    stores.clock.advance((GRACE + EVERY).total_seconds())
    later = World(stores, seed=8)
    later.commit_sweep.run()  # it passes by what is not written yet
    made = {each["response"]["etag"] for each in answer["entry"]}
    assert not landed(stores) & made
    stores.clock.advance(EVERY.total_seconds())
    assert later.sweep.run().commits == 2
    assert landed(stores) >= made
    stores.clock.advance(EVERY.total_seconds())
    assert later.sweep.run().commits == 0
