"""Runs one file of an SDK's tests in a process of its own, against emulators of its own."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.emulators.served import ServedEmulators
from local.sdk_tests.outcome import Outcome, read_report
from local.sdk_tests.suites import Suite

STAND_IN = Path(__file__).parent / "stand_in"
_HUBS = 150
_HUB_PARTITIONS = 2
_ACCOUNTS = (
    "STORAGE", "DATALAKE_STORAGE", "BLOB_STORAGE", "VERSIONED_STORAGE", "PREMIUM_STORAGE", "SOFT_DELETE_STORAGE",
    "SECONDARY_STORAGE", "STORAGE_DATA_LAKE_SOFT_DELETE",
)  # fmt: skip


def files_of(suite: Suite, tests: Path, named: list[str]) -> Iterator[str]:
    """Yields the files to run: those named, else those selected."""
    for path in sorted(tests.rglob("test_*.py")):
        name = path.relative_to(tests).as_posix()
        if name in named or path.name in named or (not named and suite.selects(name)):
            yield name


def run_file(
    suite: Suite, tests: Path, name: str, python: Path, passed_on: list[str], out_of_scope: Mapping[str, str]
) -> Outcome:
    """Returns the outcome of a file's tests, without those that are out of scope."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        config = _hubs(Path(scratch)) if suite.emulator == "eventhubs" else None
        needed = ("eventhubs", "datalake") if config else (suite.emulator,)
        with ServedEmulators(Path(scratch) / "data", needed, config=config) as served:
            command = [
                *(
                    str(python),
                    "-m",
                    "pytest",
                    name,
                    "-q",
                    "--tb=native",
                    "--show-capture=no",
                    "-W",
                    "ignore",
                ),
                *(
                    "-c",
                    str(_settings(Path(scratch))),
                    "--rootdir",
                    str(tests),
                    "-p",
                    "sdk_tests_plugin",
                    "-p",
                    "no:cacheprovider",
                ),
                *("--timeout", str(suite.test_limit_s), f"--junitxml={report}", *passed_on),
                *(part for test in out_of_scope for part in ("--deselect", f"{name}::{test}")),
            ]
            log = tests.parent / f"{name.replace('/', '.')}.log"
            try:
                with log.open("wb") as out:
                    subprocess.run(
                        command, cwd=tests, env=_environment(served, tests), stdout=out, stderr=subprocess.STDOUT,
                        check=False, timeout=suite.file_limit_s,
                    )  # fmt: skip
            except subprocess.TimeoutExpired:
                report.unlink(missing_ok=True)
        outcome = read_report(report, suite.package, name)
        outcome.out_of_scope.update(out_of_scope)
        return outcome


def _settings(folder: Path) -> Path:
    """Writes pytest's settings, so that it does not look for others in the folders above the tests."""
    path = folder / "pytest.ini"
    path.write_text("[pytest]\nasyncio_mode = auto\n", "utf-8")
    return path


def _hubs(folder: Path) -> Path:
    """Writes the configuration with a hub for each test of a file."""
    entities = [
        {"Name": f"hub{at}", "PartitionCount": str(_HUB_PARTITIONS), "ConsumerGroups": []}
        for at in range(_HUBS)
    ]
    namespace = {"Type": "EventHub", "Name": "emulatorNs1", "Entities": entities}
    path = folder / "Config.json"
    path.write_text(json.dumps({"UserConfig": {"NamespaceConfig": [namespace]}}), "utf-8")
    return path


def _environment(served: ServedEmulators, tests: Path) -> dict[str, str]:
    """The settings by which the tests find the emulators, as each of them wants to be told."""
    told = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(STAND_IN), str(tests))),
        "AZURE_TEST_RUN_LIVE": "true",
        "SDK_TESTS_RUN": secrets.token_hex(4),
        "NO_PROXY": "*",
    }
    connections = served.connections
    if "cosmos" in connections:
        told |= _cosmos(connections["cosmos"])
    if "datalake" in connections:
        told |= _storage(connections["datalake"])
    if "eventhubs" in connections:
        parts = _parts(connections["eventhubs"])
        told |= {
            "SDK_TESTS_EVENT_HUBS_PORT": str(served.ports["eventhubs"]), "SDK_TESTS_EVENT_HUBS": str(_HUBS),
            "SDK_TESTS_KEY_NAME": parts["SharedAccessKeyName"], "SDK_TESTS_KEY": parts["SharedAccessKey"],
            "EVENT_HUB_NAMESPACE": "localhost", "EVENT_HUB_ENDPOINT_SUFFIX": "", "EVENTHUB_RESOURCE_GROUP": "local",
            "AZURE_SUBSCRIPTION_ID": "local",
        }  # fmt: skip
    return told


def _parts(connection: str) -> Mapping[str, str]:
    return dict(re.findall(r"(\w+)=([^;]+)", connection))


def _cosmos(connection: str) -> dict[str, str]:
    parts = _parts(connection)
    return {"ACCOUNT_HOST": parts["AccountEndpoint"], "ACCOUNT_KEY": parts["AccountKey"]}


def _storage(connection: str) -> dict[str, str]:
    parts = _parts(connection)
    told = {
        "SDK_TESTS_STORAGE": parts["BlobEndpoint"].rpartition("/")[0],
        "AZURE_STORAGE_ACCOUNT": parts["AccountName"],
        "SDK_TESTS_STORAGE_KEY": parts["AccountKey"],
    }
    for account in _ACCOUNTS:
        told[f"{account}_ACCOUNT_NAME"] = parts["AccountName"]
        told[f"{account}_ACCOUNT_KEY"] = parts["AccountKey"]
    return told
