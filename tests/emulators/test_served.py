"""The emulators as others use them: the command with its one line of JSON, and the pytest fixture with its faults."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from azure.cosmos import CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError

from local.layout import CHECKOUT
from tests.patience import PATIENCE_S

pytest_plugins = ["local.emulators.pytest_plugin"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_prints_connections_first_and_a_signal_ends_it(tmp_path: Path, number: int) -> None:
    hub = {"Name": "readings", "PartitionCount": "2", "ConsumerGroups": [{"Name": "alerts"}]}
    config = tmp_path / "Config.json"
    config.write_text(json.dumps({"UserConfig": {"NamespaceConfig": [{"Entities": [hub]}]}}), "utf-8")
    command = [sys.executable, "-m", "local", "emulators", "--only", "eventhubs,cosmos", "--format", "json"]
    with subprocess.Popen(
        [*command, "--data", str(tmp_path / "data"), "--config", str(config)],
        cwd=CHECKOUT,
        env={**os.environ, "GALEN_VENV": sys.prefix},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert set(told) == {"eventhubs", "cosmos"}
        with CosmosClient.from_connection_string(told["cosmos"]) as client:
            assert list(client.list_databases()) == []
        process.send_signal(number)
        assert process.wait(timeout=PATIENCE_S) == 0


def test_an_unknown_emulator_is_wrong_usage(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local", "emulators", "--only", "queues", "--data", str(tmp_path)]
    done = subprocess.run(
        command, cwd=CHECKOUT, env={**os.environ, "GALEN_VENV": sys.prefix}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 2
    assert "'queues' is no emulator" in done.stderr


@pytest.mark.emulator_fault("cosmos", status=500, count=1, match="POST /dbs")
def test_a_marked_test_meets_the_fault(emulators: dict[str, str]) -> None:
    with CosmosClient.from_connection_string(emulators["cosmos"]) as client:
        with pytest.raises(CosmosHttpResponseError) as failed:
            client.create_database("faulty")
        assert failed.value.status_code == 500
        client.create_database("faulty")


def test_throughput_is_kept_changed_and_gone_with_its_container(emulators: dict[str, str]) -> None:
    from azure.cosmos import PartitionKey, ThroughputProperties

    with CosmosClient.from_connection_string(emulators["cosmos"]) as client:
        database = client.create_database("throughput")
        plain = database.create_container("plain", PartitionKey("/pk"), offer_throughput=700)
        scaled = ThroughputProperties(auto_scale_max_throughput=4000)
        growing = database.create_container("growing", PartitionKey("/pk"), offer_throughput=scaled)
        assert plain.get_throughput().offer_throughput == 700
        assert growing.get_throughput().auto_scale_max_throughput == 4000
        assert plain.replace_throughput(900).offer_throughput == 900
        with pytest.raises(CosmosHttpResponseError, match="increments of 100"):
            plain.replace_throughput(450)
        with pytest.raises(CosmosHttpResponseError, match="at least 400"):
            database.create_container("mean", PartitionKey("/pk"), offer_throughput=300)
        database.delete_container("plain")
        again = database.create_container("plain", PartitionKey("/pk"))
        assert again.get_throughput().offer_throughput == 400


def test_server_side_javascript_is_refused_by_name(emulators: dict[str, str]) -> None:
    from azure.cosmos import PartitionKey

    with CosmosClient.from_connection_string(emulators["cosmos"]) as client:
        container = client.create_database("scripts").create_container("c", PartitionKey("/pk"))
        with pytest.raises(CosmosHttpResponseError, match="does not implement stored procedures") as refused:
            container.scripts.create_stored_procedure({"id": "s", "body": "function () {}"})
        assert refused.value.status_code == 501


def test_an_item_is_reached_by_its_link_of_resource_ids(emulators: dict[str, str]) -> None:
    from azure.cosmos import PartitionKey

    with CosmosClient.from_connection_string(emulators["cosmos"]) as client:
        container = client.create_database("links").create_container("c", PartitionKey("/pk"))
        made = container.create_item({"id": "a", "pk": "p", "n": 1})
        assert container.read_item(made, partition_key="p")["n"] == 1
        changed = container.replace_item(made, {**made, "n": 2})
        assert changed["n"] == 2
        container.delete_item(changed, partition_key="p")
        assert list(container.read_all_items()) == []
