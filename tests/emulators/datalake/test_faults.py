"""Faults set from outside: a busy store, a lost answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ServiceResponseError
from azure.storage.blob import ContainerClient

from tests.emulators.datalake.emulator import Emulator

SetFault = Callable[..., tuple[int, dict[str, str], bytes]]


@pytest.fixture
def set_fault(emulator: Emulator) -> Iterator[SetFault]:
    ask = emulator.ask

    def post(**fault: Any) -> Any:
        return ask("POST", "/_faults", body=json.dumps(fault).encode())

    yield post
    assert ask("DELETE", "/_faults")[0] == 200


@pytest.mark.parametrize("status", [429, 500, 503])
def test_refuses_as_often_as_told(container: ContainerClient, set_fault: SetFault, status: int) -> None:
    set_fault(status=status, match="PUT", count=1)
    with pytest.raises(HttpResponseError) as refused:
        container.upload_blob("a", b"x")
    assert refused.value.status_code == status
    assert not container.get_blob_client("a").exists()
    container.upload_blob("a", b"x")


def test_applies_a_write_and_loses_the_answer(container: ContainerClient, set_fault: SetFault) -> None:
    set_fault(applied=True, match="^PUT .*/lost", count=1)
    with pytest.raises(ServiceResponseError):
        container.upload_blob("lost", b"x", metadata={"k": "v"}, overwrite=False)
    blob = container.get_blob_client("lost")
    assert blob.download_blob().readall() == b"x"
    assert blob.get_blob_properties().metadata == {"k": "v"}


def test_closes_the_connection_without_applying(container: ContainerClient, set_fault: SetFault) -> None:
    set_fault(status=0, match="PUT", count=1)
    with pytest.raises(ServiceResponseError):
        container.upload_blob("never", b"x")
    assert not container.get_blob_client("never").exists()


def test_strikes_the_same_requests_for_the_same_seed(
    container: ContainerClient, set_fault: SetFault, emulator: Emulator
) -> None:
    def struck() -> list[bool]:
        set_fault(rate=0.5, status=503, match="HEAD", seed=7)
        seen = []
        for _ in range(20):
            try:
                container.get_blob_client("a").exists()
                seen.append(False)
            except HttpResponseError:
                seen.append(True)
        emulator.ask("DELETE", "/_faults")
        return seen

    first = struck()
    assert first == struck()
    assert 0 < sum(first) < 20


def test_refuses_what_is_no_fault(set_fault: SetFault) -> None:
    assert set_fault(status=418)[0] == 400
    assert set_fault(match="(")[0] == 400
    assert set_fault(unknown=1)[0] == 400
