"""Leases: over the wire, and by a clock that the test moves."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobLeaseClient, ContainerClient

from local.emulators.datalake.errors import StorageError
from local.emulators.datalake.leases import Leases
from local.emulators.datalake.metadata import open_database
from local.emulators.datalake.names import Place
from tests.emulators.datalake.emulator import code_of

BLOB = Place("container", "a/b")


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def database(tmp_path: Path) -> sqlite3.Connection:
    return open_database(str(tmp_path), fsync=False)


def refusal(call: object, *arguments: object) -> str:
    assert callable(call)
    with pytest.raises(StorageError) as refused:
        call(*arguments)
    return refused.value.code


def test_lets_only_the_holder_write_and_delete(container: ContainerClient) -> None:
    blob = container.upload_blob("leased", b"1")
    lease = blob.acquire_lease(60)
    assert blob.get_blob_properties().lease.state == "leased"
    for change in (
        lambda: blob.upload_blob(b"2", overwrite=True),
        lambda: blob.set_blob_metadata({}),
        blob.delete_blob,
    ):
        with pytest.raises(HttpResponseError) as refused:
            change()
        assert code_of(refused.value) == "LeaseIdMissing"
    blob.upload_blob(b"2", overwrite=True, lease=lease)
    with pytest.raises(HttpResponseError) as mismatch:
        blob.upload_blob(b"3", overwrite=True, lease=BlobLeaseClient(blob, str(uuid.uuid4())))
    assert code_of(mismatch.value) == "LeaseIdMismatchWithBlobOperation"
    assert blob.download_blob().readall() == b"2"
    lease.renew()
    lease.change(str(uuid.uuid4()))
    lease.release()
    blob.delete_blob()


def test_gives_a_lease_to_one_at_a_time(container: ContainerClient) -> None:
    blob = container.upload_blob("leased", b"1")
    lease = blob.acquire_lease(-1)
    with pytest.raises(HttpResponseError) as refused:
        blob.acquire_lease(60)
    assert code_of(refused.value) == "LeaseAlreadyPresent"
    assert lease.break_lease() == 0
    assert blob.get_blob_properties().lease.state == "broken"
    blob.acquire_lease(60)


def test_holds_a_container_against_deletion(container: ContainerClient) -> None:
    lease = container.acquire_lease(60)
    with pytest.raises(HttpResponseError) as refused:
        container.delete_container()
    assert code_of(refused.value) == "LeaseIdMissing"
    container.delete_container(lease=lease)


def test_expires_and_can_then_be_taken_or_renewed(database: sqlite3.Connection) -> None:
    clock = Clock()
    leases = Leases(database, clock)
    lease = leases.acquire(BLOB, 15, None)
    clock.now_s += 14
    assert refusal(leases.acquire, BLOB, 15, None) == "LeaseAlreadyPresent"
    clock.now_s += 1
    assert leases.state(BLOB) == "expired"
    leases.check_write(BLOB, None)
    leases.renew(BLOB, lease.id)
    assert leases.state(BLOB) == "leased"
    clock.now_s += 15
    assert leases.acquire(BLOB, 60, None).id != lease.id


def test_breaks_after_the_period_or_the_rest_of_the_lease(database: sqlite3.Connection) -> None:
    clock = Clock()
    leases = Leases(database, clock)
    lease = leases.acquire(BLOB, 60, None)
    assert leases.break_(BLOB, 10) == 10
    assert refusal(leases.acquire, BLOB, 15, None) == "LeaseIsBreakingAndCannotBeAcquired"
    assert refusal(leases.renew, BLOB, lease.id) == "LeaseIsBrokenAndCannotBeRenewed"
    leases.check_write(BLOB, lease.id)
    clock.now_s += 10
    assert leases.state(BLOB) == "broken"
    leases.acquire(BLOB, 30, None)
    assert leases.break_(BLOB, None) == 30


def test_outlives_a_restart(database: sqlite3.Connection) -> None:
    clock = Clock()
    lease = Leases(database, clock).acquire(BLOB, -1, None)
    assert refusal(Leases(database, clock).check_write, BLOB, None) == "LeaseIdMissing"
    Leases(database, clock).release(BLOB, lease.id)
    assert Leases(database, clock).state(BLOB) == "available"
