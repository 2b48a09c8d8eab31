"""What the SDKs' tests get from pytest beside their own files.

Three things differ from a run against the cloud. Event Hubs: the emulator speaks AMQP without TLS on a port of its own, as
Microsoft's emulator does, and the tests' clients are led there. Storage: a token needs no HTTPS, which the emulator
does not speak. Checkpoint stores: their tests address the cloud by its host name, and are led to the emulator's account.
"""

from __future__ import annotations

import importlib
import os
import sys
import types
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.core.credentials import AzureNamedKeyCredential

_MARKERS = ("live_test_only", "liveTest", "no_amqpproxy", "playback_test_only", "live_only", "cosmosEmulator")


@pytest.fixture(scope="session")
def test_proxy() -> None:
    """Stands for the recording proxy: there is none, every test runs live."""


def pytest_configure(config: pytest.Config) -> None:
    """Knows the tests' markers, and leads the clients of Event Hubs to the emulator."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", f"{marker}: of the SDK's own")
    if "SDK_TESTS_EVENT_HUBS_PORT" in os.environ:
        _lead_to_emulator(int(os.environ["SDK_TESTS_EVENT_HUBS_PORT"]))
    for package in ("checkpointstoreblob", "checkpointstoreblobaio"):
        _lead_checkpoints(package)


def _lead_to_emulator(port: int) -> None:
    from azure.eventhub._pyamqp import _connection
    from azure.eventhub._pyamqp.aio import _connection_async

    for owner in (_connection.Connection, _connection_async.Connection):
        _without_tls(owner, port)


def _without_tls(owner: Any, port: int) -> None:
    made = owner.__init__

    def led(self: Any, endpoint: str, **options: Any) -> None:
        host = endpoint.partition("://")[2].partition("/")[0].partition(":")[0]
        if getattr(options.get("transport_type"), "name", "") == "AmqpOverWebsocket":
            options["custom_endpoint_address"] = f"ws://{host}:{port}/$servicebus/websocket"
        made(self, f"amqp://{host}:{port}", **{**options, "use_tls": False})

    owner.__init__ = led


def _lead_checkpoints(package: str) -> None:
    """Leads the storage clients within a checkpoint store to the emulator, with the account's key for a credential."""
    part = ".aio" if package.endswith("aio") else ""
    try:
        storage = importlib.import_module(f"azure.eventhub.extensions.{package}._vendor.storage.blob{part}")
    except ImportError:
        return
    for owner in (storage.BlobServiceClient, storage.ContainerClient):
        _on_emulator(owner)


def _on_emulator(owner: Any) -> None:
    made = owner.__init__

    def led(self: Any, account_url: str, *arguments: Any, **options: Any) -> None:
        host, account = urlsplit(account_url).netloc, os.environ.get("AZURE_STORAGE_ACCOUNT")
        if account and host == f"{account}.blob.core.windows.net":
            account_url = f"{os.environ['SDK_TESTS_STORAGE']}/{account}"
            # The service's credential is its first argument behind the address, the container's its second.
            arguments = arguments[: 0 if owner.__name__ == "BlobServiceClient" else 1]
            options["credential"] = AzureNamedKeyCredential(account, os.environ["SDK_TESTS_STORAGE_KEY"])
        made(self, account_url, *arguments, **options)

    owner.__init__ = led


class EventHubManagementClient:
    """Hands out event hubs and tells the namespace's keys."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.namespaces = self
        self.event_hubs = _EventHubs()

    def list_keys(self, _group: str, namespace: str, _rule: str) -> Any:
        """Returns the keys of the one rule that the emulator knows."""
        rule, key = os.environ["SDK_TESTS_KEY_NAME"], os.environ["SDK_TESTS_KEY"]
        connection = f"Endpoint=sb://{namespace}/;SharedAccessKeyName={rule};SharedAccessKey={key}"
        return SimpleNamespace(primary_connection_string=connection, key_name=rule, primary_key=key)


class _Hub:
    """An event hub as it is told: its name, and how many days it keeps events."""

    def __init__(self, name: str) -> None:
        self.name = name

    def as_dict(self) -> dict[str, Any]:
        """Returns what a test changes and sends back."""
        return {"name": self.name, "message_retention_in_days": 1}


class _EventHubs:
    """A hub for each test, none twice."""

    _given = 0

    def get(self, _group: str, _namespace: str, name: str) -> _Hub:
        """Returns a hub that a test has."""
        return _Hub(name)

    def create_or_update(self, _group: str, _namespace: str, name: str, *_: Any, **__: Any) -> _Hub:
        """Returns the hub of the name where a test has it, else the next that no test had."""
        cls = type(self)
        if name in {f"hub{at}" for at in range(cls._given)}:
            return _Hub(name)
        if cls._given == int(os.environ["SDK_TESTS_EVENT_HUBS"]):
            raise RuntimeError("there are more tests in this file than hubs")
        cls._given += 1
        return _Hub(f"hub{cls._given - 1}")

    def delete(self, *_: Any) -> None:
        """Leaves the hub: none is given twice."""


class StorageManagementClient:
    """Makes and deletes containers; that versions in them can be immutable goes without saying here."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.blob_containers = self

    def models(self) -> Any:
        """Returns the models of which a test makes a container: the emulator needs none of them."""
        return SimpleNamespace(BlobContainer=SimpleNamespace, ImmutableStorageWithVersioning=SimpleNamespace)

    def create(self, _group: str, account: str, name: str, **_: Any) -> None:
        """Makes a container."""
        self._service(account).create_container(name)

    def delete(self, _group: str, account: str, name: str) -> None:
        """Deletes a container."""
        self._service(account).delete_container(name)

    def _service(self, account: str) -> Any:
        from azure.storage.blob import BlobServiceClient

        return BlobServiceClient(
            f"{os.environ['SDK_TESTS_STORAGE']}/{account}", os.environ["SDK_TESTS_STORAGE_KEY"]
        )


class AsyncStorageManagementClient(StorageManagementClient):
    """The same for tests that await it."""

    async def create(self, group: str, account: str, name: str, **options: Any) -> None:  # type: ignore[override]
        """Makes a container."""
        super().create(group, account, name, **options)

    async def delete(self, group: str, account: str, name: str) -> None:  # type: ignore[override]
        """Deletes a container."""
        super().delete(group, account, name)


def _offer_management_clients() -> None:
    """Puts the clients where the tests import them from; before their `conftest.py`, which no hook is."""
    sys.modules.setdefault("azure.mgmt", types.ModuleType("azure.mgmt"))
    for name, known_as, client in (
        ("eventhub", "EventHubManagementClient", EventHubManagementClient),
        ("storage", "StorageManagementClient", StorageManagementClient),
        ("storage.aio", "StorageManagementClient", AsyncStorageManagementClient),
    ):
        module = types.ModuleType(f"azure.mgmt.{name}")
        setattr(module, known_as, client)
        sys.modules[module.__name__] = module


_offer_management_clients()
