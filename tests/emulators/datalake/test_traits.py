"""Tiers, seals, expiry, immutability and leases at creation: what is said of a blob besides its content."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import (
    BlobClient,
    ContainerClient,
    ContainerEncryptionScope,
    ImmutabilityPolicy,
    RehydratePriority,
    StandardBlobTier,
)
from azure.storage.filedatalake import FileSystemClient

from tests.emulators.datalake.emulator import Emulator, code_of


def in_seconds(seconds: int) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def refused(call: Callable[[], object]) -> tuple[int | None, str]:
    with pytest.raises(HttpResponseError) as caught:
        call()
    return caught.value.status_code, code_of(caught.value)


def test_an_archived_blob_is_listed_and_not_read_until_it_has_left_the_archive(
    container: ContainerClient,
) -> None:
    blob = container.upload_blob("a", b"x", standard_blob_tier=StandardBlobTier.ARCHIVE)
    (listed,) = container.list_blobs()
    assert listed.blob_tier == "Archive"
    assert refused(blob.download_blob) == (409, "BlobArchived")
    blob.set_standard_blob_tier(StandardBlobTier.COOL, rehydrate_priority=RehydratePriority.HIGH)
    told = blob.get_blob_properties()
    assert (told.archive_status, told.rehydrate_priority) == ("rehydrate-pending-to-cool", "High")
    assert refused(lambda: blob.set_standard_blob_tier("Hot")) == (409, "BlobBeingRehydrated")


def test_an_unknown_tier_is_refused(container: ContainerClient) -> None:
    blob = container.upload_blob("a", b"x")
    assert refused(lambda: blob.set_standard_blob_tier("Lukewarm")) == (400, "InvalidHeaderValue")


def test_a_sealed_append_blob_takes_no_more(container: ContainerClient) -> None:
    blob = container.get_blob_client("log")
    blob.create_append_blob()
    blob.append_block(b"one")
    blob.seal_append_blob()
    assert refused(lambda: blob.append_block(b"two")) == (409, "BlobIsSealed")
    assert blob.download_blob().readall() == b"one"


def test_what_is_immutable_is_neither_deleted_nor_changed_inside_the_period(
    container: ContainerClient, file_system: FileSystemClient
) -> None:
    policy = ImmutabilityPolicy(expiry_time=in_seconds(600), policy_mode="Unlocked")
    blob = container.upload_blob("kept/a", b"x", immutability_policy=policy)
    calls: list[Callable[[], object]] = [
        blob.delete_blob,
        lambda: blob.upload_blob(b"y", overwrite=True),
        lambda: blob.set_blob_metadata({"a": "b"}),
    ]
    for call in calls:
        assert refused(call) == (409, "BlobImmutableDueToPolicy")
    assert refused(container.delete_container) == (409, "ContainerImmutableDueToPolicy")
    blob.delete_immutability_policy()
    blob.delete_blob()


def test_a_locked_policy_is_only_extended_and_a_legal_hold_has_no_end(container: ContainerClient) -> None:
    blob = container.upload_blob("a", b"x")
    blob.set_immutability_policy(ImmutabilityPolicy(expiry_time=in_seconds(600), policy_mode="Locked"))
    shorter = ImmutabilityPolicy(expiry_time=in_seconds(60), policy_mode="Locked")
    assert refused(lambda: blob.set_immutability_policy(shorter))[0] == 409
    assert refused(blob.delete_immutability_policy)[0] == 409
    blob.set_immutability_policy(ImmutabilityPolicy(expiry_time=in_seconds(900), policy_mode="Locked"))
    held = container.upload_blob("b", b"x")
    held.set_legal_hold(True)
    assert refused(held.delete_blob) == (409, "BlobImmutableDueToPolicy")
    held.set_legal_hold(False)
    held.delete_blob()


def test_a_directory_is_not_deleted_over_the_head_of_an_immutable_file(
    emulator: Emulator, file_system: FileSystemClient
) -> None:
    file_system.create_file("d/e/kept")
    with emulator.blobs() as blobs:
        blob = blobs.get_blob_client(file_system.file_system_name, "d/e/kept")
        blob.set_legal_hold(True)
        directory = file_system.get_directory_client("d")
        assert refused(directory.delete_directory)[0] == 409
        blob.set_legal_hold(False)
        directory.delete_directory()


def test_an_expired_file_is_gone_for_readers_listings_and_writers(file_system: FileSystemClient) -> None:
    file = file_system.create_file("short", expires_on=1)
    time.sleep(1.05)
    assert [path.name for path in file_system.get_paths()] == []
    with pytest.raises(ResourceNotFoundError):
        file.get_file_properties()
    file_system.create_file("short")
    assert [path.name for path in file_system.get_paths()] == ["short"]


def test_a_file_is_leased_as_it_is_created_and_released_as_it_is_flushed(
    file_system: FileSystemClient,
) -> None:
    lease_id = str(uuid.uuid4())
    file = file_system.get_file_client("f")
    file.create_file(lease_id=lease_id, lease_duration=60)
    assert refused(lambda: file.append_data(b"x", 0))[1] == "LeaseIdMissing"
    file.append_data(b"x", 0, lease=lease_id)
    file.flush_data(1, lease=lease_id, lease_action="release")
    assert file.get_file_properties().lease.state == "available"


def test_who_holds_the_lease_may_replace_a_blob_that_others_may_only_create(
    container: ContainerClient,
) -> None:
    blob: BlobClient = container.upload_blob("a", b"x")
    with pytest.raises(ResourceExistsError):
        blob.upload_blob(b"y")
    lease = blob.acquire_lease()
    blob.upload_blob(b"y", lease=lease)
    assert blob.download_blob().readall() == b"y"


def test_tells_the_encryption_scope_of_what_is_written_and_keeps_to_the_containers_own(
    emulator: Emulator,
) -> None:
    with emulator.blobs() as service:
        open_one = service.create_container(f"c{uuid.uuid4().hex[:12]}")
        appended = open_one.get_blob_client("a")
        assert appended.create_append_blob(encryption_scope="one")["encryption_scope"] == "one"
        assert appended.get_blob_properties().encryption_scope == "one"
        own = ContainerEncryptionScope("own", prevent_encryption_scope_override=True)
        strict = service.create_container(f"c{uuid.uuid4().hex[:12]}", container_encryption_scope=own)
        assert strict.get_blob_client("b").upload_blob(b"x")["encryption_scope"] == "own"
        with pytest.raises(HttpResponseError) as refused:
            strict.get_blob_client("c").upload_blob(b"x", encryption_scope="other")
        assert code_of(refused.value) == "RequestForbiddenByContainerEncryptionPolicy"
