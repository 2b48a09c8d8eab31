"""The sample is fed to a store that holds no resource, whatever the platform keeps there of itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.cosmos import ContainerProxy, PartitionKey

from local.emulators.cosmos.auth import WELL_KNOWN_KEY
from local.feed_sample import has_records
from local.layout import CHECKOUT
from local.run_state import RunState
from shared import names
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import Door, Item, Kind, Provenance, resource_item, source_version, tombstone_item
from tests.emulators.cosmos.conftest import Emulator
from tests.patience import PATIENCE_S

AT = "2026-03-29T01:00:00.000000Z"
KEY = ResourceKey("Patient", "0123456789ab-00000000000000000001")
ORIGIN = Provenance(Door.STREAM, source_version(AT, "default", 1), AT)
OF_RESOURCES = (Kind.CURRENT, Kind.HISTORY)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = Emulator(tmp_path_factory.mktemp("cosmos"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def container(emulator: Emulator) -> ContainerProxy:
    """The records container of a platform that runs and has been sent nothing yet."""
    client = emulator.client()
    if any(each["id"] == names.DATABASE for each in client.list_databases()):
        client.delete_database(names.DATABASE)
    made = client.create_database(names.DATABASE).create_container(
        names.RECORDS_CONTAINER, PartitionKey(list(names.RECORDS_PARTITION_KEY), kind="MultiHash")
    )
    for kind in Kind:
        if kind not in OF_RESOURCES:
            made.create_item({"id": f"{kind}.1", "tenant": "default", "home": "platform", "kind": kind.value})
    return made


def _connection(emulator: Emulator) -> str:
    return f"AccountEndpoint={emulator.url};AccountKey={WELL_KNOWN_KEY};"


def _current() -> Item:
    return resource_item("default", "0123456789ab", {"resourceType": "Patient", "id": KEY.id}, KEY, ORIGIN)


def test_a_store_with_nothing_but_the_platforms_own_items_has_no_records(
    emulator: Emulator, container: ContainerProxy
) -> None:
    assert len(list(container.read_all_items())) == len(Kind) - len(OF_RESOURCES)
    assert not has_records(_connection(emulator))


@pytest.mark.parametrize(
    "item",
    [_current(), tombstone_item("default", "0123456789ab", KEY, ORIGIN)],
    ids=["resource", "tombstone"],
)
def test_one_resource_on_record_is_enough(emulator: Emulator, container: ContainerProxy, item: Item) -> None:
    container.create_item(item)
    assert has_records(_connection(emulator))


def test_a_store_with_records_is_not_fed_again(
    emulator: Emulator, container: ContainerProxy, tmp_path: Path
) -> None:
    container.create_item(_current())
    settings = {names.RECORDS_CONNECTION: _connection(emulator)}
    RunState("run", os.getpid(), str(tmp_path), 1, "http://127.0.0.1:1", "serving", AT, settings).save()
    done = subprocess.run(
        [sys.executable, "-m", "local.feed_sample"],
        cwd=CHECKOUT,
        env={**os.environ, "GALEN_RUN_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "records are there already" in done.stderr
    assert done.stdout == ""
