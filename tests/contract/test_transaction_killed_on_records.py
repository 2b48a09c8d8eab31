"""SIGKILL at every store write of one large transaction: after one sweep all of it is on record or none."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable

from azure.cosmos import ContainerProxy, CosmosClient

from local.emulators.cosmos.auth import WELL_KNOWN_KEY
from shared import names
from shared.adapters.azure.records import CosmosRecords
from shared.adapters.memory.faults import Failure
from shared.domain.fhir import json
from shared.domain.records import Kind
from shared.ports.records import Query, Records
from shared.services.sweep import INTENT_AGE
from tests.delivery.world import TENANT, Stores, World, anyone, caller, large_transaction
from tests.emulators.cosmos.conftest import Emulator
from tests.patience import PATIENCE_S

ENTRIES = 300
AT_MOST_WRITES = 40


def _stores(records: Records) -> Stores:
    stores = Stores()
    stores.records = records  # type: ignore[assignment]
    return stores


def killed_at(url: str, container: str, bundle: str, number: int) -> None:
    """The worker: it answers one transaction and dies by SIGKILL as it sends the N-th write to the store."""
    with CosmosClient(url, WELL_KNOWN_KEY) as client:
        found = client.get_database_client(names.DATABASE).get_container_client(container)
        world = World(_stores(CosmosRecords(found)), seed=number)
        left = number

        def plan(_name: str, writes: bool) -> Failure | None:
            nonlocal left
            left -= writes
            if writes and left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return None

        world.script.plan = plan
        world.bundles.bundle(caller(), json.decode_object(bundle), anyone)


def test_a_transaction_whose_worker_is_killed_at_any_store_write_is_all_or_nothing(
    cosmos: Emulator, new_container: Callable[[], ContainerProxy]
) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    bundle = large_transaction(ENTRIES)
    text, entries = json.encode(bundle), len(bundle["entry"])
    outcomes: list[bool] = []
    for number in range(1, AT_MOST_WRITES):
        container = new_container()
        worker = context.Process(target=killed_at, args=(cosmos.url, container.id, text, number), daemon=True)
        worker.start()
        worker.join(PATIENCE_S)
        records = CosmosRecords(container)
        stores = _stores(records)
        stores.clock.advance(INTENT_AGE.total_seconds() + 1)
        World(stores, seed=1_000 + number).sweep.run()
        found = sum(not item["deleted"] for item in records.query(Query(Kind.CURRENT, TENANT)))
        assert found in (0, entries), f"{found} of {entries} entries after a kill at write {number}"
        outcomes.append(found == entries)
        if worker.exitcode == 0:
            break
        assert worker.exitcode == -signal.SIGKILL
    assert worker.exitcode == 0, "the transaction has more writes than were tried"
    # Whatever is done is done from one write on: the one that stores the intent.
    assert outcomes == sorted(outcomes)
    assert outcomes.count(True) > 4
    assert not outcomes[0]
