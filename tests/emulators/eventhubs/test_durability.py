"""What was acknowledged is there after a kill, and clients go on after a restart."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from azure.eventhub import EventData
from azure.eventhub.exceptions import EventHubError

from tests.emulators.eventhubs.clients import PATIENCE_S, ROOT, Emulator, receive, receiving


def test_an_acknowledged_send_survives_kill_9_at_any_moment(launch: Callable[..., Emulator]) -> None:
    emulator = launch("h:1")
    acknowledged: list[int] = []
    first = threading.Event()

    def send_until_it_breaks() -> None:
        with emulator.producer("h") as producer:
            try:
                for number in range(100_000):
                    producer.send_batch(
                        [EventData(f"{number}-{part}") for part in range(3)], partition_id="0"
                    )
                    acknowledged.append(number)
                    if number == 50:
                        first.set()
            except EventHubError:
                return

    sender = threading.Thread(target=send_until_it_breaks)
    sender.start()
    assert first.wait(PATIENCE_S)
    emulator.end(signal.SIGKILL)
    sender.join(PATIENCE_S)
    emulator.start()
    received = receive(emulator.consumer("h"), 3 * len(acknowledged), partition_id="0")
    kept = [tuple(map(int, body.split("-"))) for body in received.bodies]
    assert kept == [(number, part) for number in range(len(kept) // 3) for part in range(3)]
    assert len(kept) // 3 >= len(acknowledged)
    assert [event.sequence_number for event in received.events] == list(range(len(kept)))


def test_a_restart_keeps_generation_and_sequence_numbers(launch: Callable[..., Emulator]) -> None:
    emulator = launch("h:2")
    emulator.send("h", "a", "b", partition_id="1")
    with emulator.producer("h") as producer:
        generation = producer.get_eventhub_properties()["created_at"]
        before = producer.get_partition_properties("1")
    assert emulator.end(signal.SIGTERM) == 0
    emulator.start()
    with emulator.producer("h") as producer:
        assert producer.get_eventhub_properties()["created_at"] == generation
        assert producer.get_partition_properties("1") == before
    emulator.send("h", "c", partition_id="1")
    received = receive(emulator.consumer("h"), 3, partition_id="1")
    assert [(event.sequence_number, event.body_as_str()) for event in received.events] == [
        (0, "a"), (1, "b"), (2, "c"),
    ]  # fmt: skip


def test_a_consumer_goes_on_where_it_was_after_a_restart(launch: Callable[..., Emulator]) -> None:
    emulator = launch("h:1")
    emulator.send("h", "a", partition_id="0")
    client = emulator.consumer("h", retry_total=20, retry_backoff_factor=0.1)
    with receiving(client, partition_id="0") as received:
        received.wait_for_events(1)
        emulator.end(signal.SIGKILL)
        emulator.start()
        emulator.send("h", "b", partition_id="0")
        received.wait_for_events(2)
    assert received.bodies == ["a", "b"]


def test_a_producer_goes_on_after_a_restart(launch: Callable[..., Emulator]) -> None:
    emulator = launch("h:1")
    with emulator.producer("h", retry_total=5, retry_backoff_factor=0.05) as producer:
        producer.send_event(EventData("a"))
        emulator.end(signal.SIGKILL)
        emulator.start()
        producer.send_event(EventData("b"))
    assert receive(emulator.consumer("h"), 2).bodies == ["a", "b"]


def test_sigterm_ends_it_cleanly_while_clients_are_connected(launch: Callable[..., Emulator]) -> None:
    emulator = launch("h:1")
    with receiving(emulator.consumer("h"), partition_id="0") as received:
        emulator.send("h", "a", partition_id="0")
        received.wait_for_events(1)
        assert emulator.end(signal.SIGTERM) == 0


def test_a_second_emulator_on_the_same_folder_is_refused(launch: Callable[..., Emulator]) -> None:
    emulator = launch("h:1")
    second = subprocess.run(
        [sys.executable, "-m", "local.emulators.eventhubs", "--data", str(emulator.folder), "--port", "0",
         "--hub", "h:1"],
        cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert second.returncode == 2
    assert "in use by another emulator" in second.stderr


def test_a_hub_cannot_lose_partitions_but_may_gain_some(launch: Callable[..., Emulator]) -> None:
    launch("h:2").stop()
    grown = launch("h:3")
    with grown.producer("h") as producer:
        assert producer.get_partition_ids() == ["0", "1", "2"]
    grown.stop()
    shrunk = subprocess.run(
        [sys.executable, "-m", "local.emulators.eventhubs", "--data", str(grown.folder), "--port", "0",
         "--hub", "h:1"],
        cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert shrunk.returncode == 2
    assert "cannot shrink" in shrunk.stderr


def test_serves_the_official_emulators_configuration(launch: Callable[..., Emulator], tmp_path: Path) -> None:
    entity = {"Name": "eh1", "PartitionCount": "2", "ConsumerGroups": [{"Name": "cg1"}]}
    namespace = {"Type": "EventHub", "Name": "emulatorNs1", "Entities": [entity]}
    path = tmp_path / "Config.json"
    path.write_text(json.dumps({"UserConfig": {"NamespaceConfig": [namespace]}}))
    emulator = launch(options=("--config", str(path), "--sync", "full"))
    emulator.send("eh1", "a", partition_id="1")
    assert receive(emulator.consumer("eh1", "cg1"), 1, partition_id="1").bodies == ["a"]
