"""An emulator killed at its N-th write has lost nothing that it acknowledged, and shows nothing half done.

A list of operations is carried out until the process dies; after a restart its state is that before the operation
which was under way, or that after it. `GALEN_TEST_EVERYTHING` goes through all points instead of a few.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import AzureError
from azure.cosmos import ContainerProxy, CosmosClient, PartitionKey
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.exceptions import EventHubError
from azure.storage.blob import BlobBlock, BlobServiceClient
from azure.storage.filedatalake import DataLakeServiceClient

from local.layout import CHECKOUT
from local.plan import connection_strings, emulator_specs
from local.ports import free_ports
from tests.emulators.eventhubs.clients import receiving
from tests.patience import PATIENCE_S

EVERYTHING = bool(os.environ.get("GALEN_TEST_EVERYTHING"))
_NO_CRASH = 0
_PARTITION_KEY = "p"


class Crashing:
    """One emulator on a folder; `served` runs it once, with or without a crash point."""

    def __init__(self, name: str, folder: Path) -> None:
        self.ports = {name: free_ports(1)[0]}
        self.connection = connection_strings(self.ports)[name]
        (self._spec,) = emulator_specs(self.ports, folder)

    @contextmanager
    def served(self, crash_at: int = _NO_CRASH) -> Iterator[subprocess.Popen[str]]:
        """The process, ready and armed; killed in the end if it still runs."""
        point = ["-m", "tests.emulators.crash_point", str(crash_at)] if crash_at else ["-m"]
        command = [sys.executable, *point, self._spec.module, *self._spec.arguments]
        with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline()
                if crash_at:
                    process.send_signal(signal.SIGUSR1)
                yield process
            finally:
                process.kill()


State = dict[str, Any]
Operation = tuple[Callable[[], object], Callable[[State], None]]


def carry_out(operations: list[Operation], failures: type[Exception]) -> list[State]:
    """Returns the states that may be found: that of what was acknowledged, and with what was under way when it ended."""
    state: State = {}
    for act, expect in operations:
        then = dict(state)
        expect(then)
        try:
            act()
        except failures:
            return [state, then]
        state = then
    return [state]


def _put(name: str, value: Any) -> Callable[[State], None]:
    return lambda state: state.update({name: value})


def _take(name: str) -> Callable[[State], None]:
    def take(state: State) -> None:
        del state[name]

    return take


def _item(name: str, value: int) -> dict[str, Any]:
    return {"id": name, "pk": _PARTITION_KEY, "value": value}


def _item_operations(container: ContainerProxy) -> list[Operation]:
    def put_both(state: State) -> None:
        state |= {"d": 1, "e": 1}
        del state["b"]

    batch = [("create", (_item("d", 1),)), ("create", (_item("e", 1),)), ("delete", ("b",))]
    patch = [{"op": "incr", "path": "/value", "value": 5}]
    return [
        (lambda: container.create_item(_item("a", 1)), _put("a", 1)),
        (lambda: container.create_item(_item("b", 1)), _put("b", 1)),
        (lambda: container.upsert_item(_item("a", 2)), _put("a", 2)),
        (lambda: container.execute_item_batch(batch, _PARTITION_KEY), put_both),
        (lambda: container.replace_item("a", _item("a", 3)), _put("a", 3)),
        (lambda: container.patch_item("a", _PARTITION_KEY, patch), _put("a", 8)),
        (lambda: container.delete_item("d", _PARTITION_KEY), _take("d")),
        (lambda: container.create_item(_item("d", 9)), _put("d", 9)),
    ]


@pytest.mark.parametrize("crash_at", range(1, 37) if EVERYTHING else (2, 7, 16))
def test_cosmos_keeps_what_it_acknowledged(tmp_path: Path, crash_at: int) -> None:
    emulator = Crashing("cosmos", tmp_path)
    once = {"retry_total": 0, "retry_connect": 0, "retry_read": 0, "retry_status": 0}
    with emulator.served(), CosmosClient.from_connection_string(emulator.connection) as client:
        client.create_database("d").create_container("c", PartitionKey("/pk"))
    with emulator.served(crash_at) as process:
        with CosmosClient.from_connection_string(emulator.connection, **once) as client:
            container = client.get_database_client("d").get_container_client("c")
            container.read()
            possible = carry_out(_item_operations(container), AzureError)
        assert len(possible) == 2, "there were fewer writes than that"
        assert process.wait(PATIENCE_S) == -signal.SIGKILL
    with emulator.served(), CosmosClient.from_connection_string(emulator.connection) as client:
        container = client.get_database_client("d").get_container_client("c")
        found = {item["id"]: item["value"] for item in container.read_all_items()}
        changes = {
            item["id"]: item["value"] for item in container.query_items_change_feed(start_time="Beginning")
        }
    assert found in possible
    assert changes == found


def _file_operations(blobs: BlobServiceClient, lake: DataLakeServiceClient) -> list[Operation]:
    container = blobs.get_container_client("crashed")
    files = lake.get_file_system_client("crashed")
    blocks = container.get_blob_client("d/blocks")
    file = files.get_file_client("d/file")

    def unchanged(_: State) -> None:
        """Nothing that is seen."""

    def move(state: State) -> None:
        for name in [name for name in state if name.startswith("d/")]:
            state[f"moved/{name[2:]}"] = state.pop(name)

    return [
        (lambda: container.upload_blob("a", b"1" * 3000), _put("a", b"1" * 3000)),
        (lambda: container.upload_blob("a", b"2" * 5000, overwrite=True), _put("a", b"2" * 5000)),
        (lambda: blocks.stage_block("x", b"x" * 4000), unchanged),
        (lambda: blocks.commit_block_list([BlobBlock("x")]), _put("d/blocks", b"x" * 4000)),
        (file.create_file, _put("d/file", b"")),
        (lambda: file.append_data(b"y" * 4000, 0), unchanged),
        (lambda: file.flush_data(4000), _put("d/file", b"y" * 4000)),
        (lambda: files.get_directory_client("d").rename_directory("crashed/moved"), move),
        (lambda: container.delete_blob("a"), _take("a")),
        (lambda: container.upload_blob("a", b"3" * 100), _put("a", b"3" * 100)),
    ]


@pytest.mark.parametrize("crash_at", range(1, 61) if EVERYTHING else (2, 9, 20, 33))
def test_the_lake_keeps_what_it_acknowledged(tmp_path: Path, crash_at: int) -> None:
    emulator = Crashing("datalake", tmp_path)
    with emulator.served(), BlobServiceClient.from_connection_string(emulator.connection) as blobs:
        blobs.create_container("crashed")
    with emulator.served(crash_at) as process:
        with (
            BlobServiceClient.from_connection_string(emulator.connection, retry_total=0) as blobs,
            DataLakeServiceClient.from_connection_string(emulator.connection, retry_total=0) as lake,
        ):
            possible = carry_out(_file_operations(blobs, lake), AzureError)
        assert len(possible) == 2, "there were fewer writes than that"
        assert process.wait(PATIENCE_S) == -signal.SIGKILL
    with emulator.served(), BlobServiceClient.from_connection_string(emulator.connection) as blobs:
        container = blobs.get_container_client("crashed")
        files = [blob.name for blob in container.list_blobs() if "hdi_isfolder" not in (blob.metadata or {})]
        found = {name: container.download_blob(name).readall() for name in files}
        found = {
            name: content
            for name, content in found.items()
            if not (tmp_path / "lake/crashed" / name).is_dir()
        }
    assert found in possible


@pytest.mark.parametrize("crash_at", range(1, 19) if EVERYTHING else (1, 5, 9))
def test_event_hubs_keeps_what_it_acknowledged(tmp_path: Path, crash_at: int) -> None:
    emulator = Crashing("eventhubs", tmp_path)
    hub = {"eventhub_name": "vital-signs", "retry_total": 0}
    acknowledged: list[str] = []
    with emulator.served(crash_at) as process:
        with EventHubProducerClient.from_connection_string(emulator.connection, **hub) as producer:
            under_way = _send_until_it_ends(producer, acknowledged)
        assert process.wait(PATIENCE_S) == -signal.SIGKILL
    from azure.eventhub import EventHubConsumerClient

    with emulator.served():
        consumer = EventHubConsumerClient.from_connection_string(emulator.connection, "$default", **hub)
        with receiving(consumer, partition_id="0") as received:
            with EventHubProducerClient.from_connection_string(emulator.connection, **hub) as producer:
                producer.send_event(EventData("last"), partition_id="0")
            while "last" not in received.bodies:
                received.wait_for_events(len(received.events) + 1)
    assert received.bodies[:-1] in (acknowledged, acknowledged + under_way)
    assert [event.sequence_number for event in received.events] == list(range(len(received.events)))


def _send_until_it_ends(producer: EventHubProducerClient, acknowledged: list[str]) -> list[str]:
    for number in range(1000):
        batch = [f"{number}-{part}" for part in range(3)]
        try:
            producer.send_batch([EventData(body) for body in batch], partition_id="0")
        except EventHubError:
            return batch
        acknowledged += batch
    raise AssertionError("there were fewer writes than that")
