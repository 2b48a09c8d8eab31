"""Output bindings, delivered after a function has returned; an exception discards them (`Outcome`).

A delivery that fails makes the invocation fail, as in the real host, where outputs are flushed before completion.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local.host.engine import AppRejected, FunctionDefinition, Outcome
from local.host.settings import connection, resolve

SUPPORTED = frozenset({"blob", "eventHub", "cosmosDB"})


class Outputs:
    """Delivers to blobs, hubs and containers by connection string; clients are kept."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str, str], Any] = {}

    @staticmethod
    def check(function: FunctionDefinition) -> None:
        """Refuse at start what could only be dropped silently later."""
        for binding in function.outputs:
            if binding["type"] not in SUPPORTED:
                raise AppRejected(
                    f"function {function.name}: output binding '{binding['type']}' is not supported by the local host "
                    f"(it knows {', '.join(sorted(SUPPORTED))}); send it through a port instead"
                )

    async def deliver(self, function: FunctionDefinition, outcome: Outcome) -> Outcome:
        """The outcome, or a failed one where an output could not be delivered."""
        bindings = {str(binding["name"]): binding for binding in function.outputs}
        try:
            for name, datum in outcome.outputs:
                await asyncio.to_thread(self._send, bindings[name], _content(datum))
        except Exception as error:  # noqa: BLE001 - whatever the store says, the invocation failed
            return replace(outcome, error=error)
        return outcome

    def _send(self, binding: Mapping[str, Any], content: bytes) -> None:
        if binding["type"] == "blob":
            self._write_blob(binding, content)
        elif binding["type"] == "eventHub":
            self._send_events(binding, content)
        else:
            self._upsert_documents(binding, content)

    def _write_blob(self, binding: Mapping[str, Any], content: bytes) -> None:
        from local.host.checkpoints import blob_service

        path = resolve(str(binding["path"])).replace("{rand-guid}", str(uuid.uuid4()))
        container, _, name = path.partition("/")
        setting = str(binding.get("connection") or "Storage")
        service = self._client(("blob", setting, ""), lambda: blob_service(connection(setting)))
        service.get_blob_client(container, name).upload_blob(content, overwrite=True)

    def _send_events(self, binding: Mapping[str, Any], content: bytes) -> None:
        from azure.eventhub import EventData, EventHubProducerClient

        setting, hub = str(binding["connection"]), resolve(str(binding["eventHubName"]))
        producer = self._client(
            ("eventHub", setting, hub),
            lambda: EventHubProducerClient.from_connection_string(connection(setting), eventhub_name=hub),
        )
        producer.send_batch([EventData(body) for body in _several(content)])

    def _upsert_documents(self, binding: Mapping[str, Any], content: bytes) -> None:
        from local.host.cosmos_feed import cosmos_client

        setting = str(binding["connection"])
        client = self._client(("cosmosDB", setting, ""), lambda: cosmos_client(connection(setting)))
        database = client.get_database_client(resolve(str(binding["databaseName"])))
        container = database.get_container_client(resolve(str(binding["containerName"])))
        documents = json.loads(content)
        for document in documents if isinstance(documents, list) else [documents]:
            container.upsert_item(document)

    def _client(self, key: tuple[str, str, str], make: Any) -> Any:
        if key not in self._clients:
            self._clients[key] = make()
        return self._clients[key]


def _content(datum: Any) -> bytes:
    value = datum.value
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def _several(content: bytes) -> list[bytes]:
    """A JSON array of strings is several events (`EventHubConverter.encode` writes lists so)."""
    if content.startswith(b"["):
        try:
            items = json.loads(content)
        except ValueError:
            return [content]
        return [item.encode() if isinstance(item, str) else json.dumps(item).encode() for item in items]
    return [content]
