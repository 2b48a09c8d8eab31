"""The three doors as partners use them: HTTP with a bearer token, Event Hubs and the Data Lake by Microsoft's SDKs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import httpx
from azure.core.exceptions import ServiceRequestError
from azure.eventhub import EventData, EventHubProducerClient
from azure.storage.blob import BlobServiceClient
from azure.storage.filedatalake import DataLakeServiceClient, FileSystemClient

from tests.e2e.platform import Platform, eventually
from tests.patience import PATIENCE_S

FHIR_JSON = {"Content-Type": "application/fhir+json"}
CLINICAL_EVENTS, VITAL_SIGNS = "clinical-events", "vital-signs"


class Api(httpx.Client):
    """The HTTP door and everything else that has an address."""

    def __init__(self, url: str, token: str, timeout_s: float = PATIENCE_S) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        super().__init__(base_url=url, headers=headers, timeout=timeout_s, trust_env=False)

    def post_fhir(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """POST of JSON, or of bytes as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.post(path, content=content, headers={**FHIR_JSON, **_dashed(headers)})

    def put_fhir(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """PUT of JSON, or of bytes as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.put(path, content=content, headers={**FHIR_JSON, **_dashed(headers)})

    def search(self, type_: str, **criteria: str) -> dict[str, Any]:
        """A search that must succeed."""
        answer = self.get(f"/fhir/{type_}?{urlencode(criteria)}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def total(self, type_: str, **criteria: str) -> int:
        """The exact total of a search."""
        return int(self.search(type_, **criteria, _summary="count")["total"])

    def all_pages(self, type_: str, **criteria: str) -> Iterator[dict[str, Any]]:
        """Every match, following the next links."""
        page = self.search(type_, **criteria)
        while True:
            yield from (entry["resource"] for entry in page.get("entry", ()))
            following = [link["url"] for link in page["link"] if link["relation"] == "next"]
            if not following:
                return
            answer = self.get(following[0])
            assert answer.status_code == 200, answer.text
            page = answer.json()


def found_so_far(api: Api, tag: str) -> int:
    """How many patients of a tag are found; -1 while the platform does not answer."""
    try:
        return api.total("Patient", identifier=f"urn:e2e:{tag}|")
    except (httpx.TransportError, AssertionError):
        return -1


def _dashed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@contextmanager
def producer(platform: Platform, hub: str) -> Iterator[EventHubProducerClient]:
    """A producer of one hub."""
    connection = platform.settings["GALEN_EVENT_HUBS"]
    with EventHubProducerClient.from_connection_string(connection, eventhub_name=hub) as client:
        yield client


def send(platform: Platform, hub: str, bodies: Sequence[bytes], key: str = "") -> None:
    """Events of one partition key, in order."""
    with producer(platform, hub) as client:
        for body in bodies:
            client.send_batch([EventData(body)], partition_key=key or None)


@contextmanager
def landing(platform: Platform) -> Iterator[FileSystemClient]:
    """The file system for dropped files."""
    connection = platform.settings["GALEN_LAKE"]
    with (
        DataLakeServiceClient.from_connection_string(connection) as service,
        service.get_file_system_client("landing") as files,
    ):
        yield files


def drop(platform: Platform, name: str, content: bytes, tenant: str = "default") -> str:
    """Drops a file into `landing/<tenant>/`; its path."""
    path = f"{tenant}/{name}"
    with landing(platform) as files, files.get_file_client(path) as file:
        file.upload_data(content, overwrite=True)
    return path


def drop_at_once(platform: Platform, name: str, content: bytes, tenant: str = "default") -> str:
    """Drops a file by one Put Blob, which is how an empty one arrives; its path."""
    path = f"{tenant}/{name}"
    with BlobServiceClient.from_connection_string(platform.settings["GALEN_LAKE"]) as service:
        service.get_blob_client("landing", path).upload_blob(content, overwrite=True)
    return path


def await_next_second() -> None:
    """A store tells a file's time in whole seconds: dropped in the second of an event it counts as the older one."""
    time.sleep(1.0 - time.time() % 1.0)


def dead_letters(platform: Platform) -> list[dict[str, Any]]:
    """All dead letters, as they stand in the lake, where a timer may have begun a table of what silver set aside."""
    folder = platform.data / "lake" / "galen" / "quarantine"
    letters = (path for path in folder.rglob("*.json") if "_delta_log" not in path.parts)
    return [json.loads(path.read_bytes()) for path in sorted(letters)]


def dead_letters_after(
    platform: Platform, known: Sequence[Mapping[str, Any]], count: int
) -> list[dict[str, Any]]:
    """The dead letters beyond those known, as soon as there are `count` of them."""

    def enough() -> list[dict[str, Any]]:
        found = fresh_dead_letters(platform, known)
        return found if len(found) >= count else []

    return eventually(enough, f"{count} more dead letters")


def fresh_dead_letters(platform: Platform, known: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The dead letters beyond those known."""
    ids = {letter["id"] for letter in known}
    return [letter for letter in dead_letters(platform) if letter["id"] not in ids]


def is_unreachable(failure: Exception) -> bool:
    """Whether an SDK says that nobody answered, which is what a killed emulator looks like."""
    return isinstance(failure, ServiceRequestError)
