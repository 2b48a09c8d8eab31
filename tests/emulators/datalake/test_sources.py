"""Policies of containers, batches, and content that is taken from another blob."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob import (
    AccessPolicy,
    BlobBlock,
    BlobClient,
    BlobSasPermissions,
    ContainerClient,
    ContainerSasPermissions,
    generate_blob_sas,
)

from local.emulators.datalake.auth import WELL_KNOWN_ACCOUNT, WELL_KNOWN_KEY
from local.emulators.datalake.checksums import crc64
from tests.emulators.datalake.emulator import code_of


def later() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=10)


def readable(blob: BlobClient) -> str:
    """The address of a blob with a token that lets it be read."""
    token = generate_blob_sas(
        WELL_KNOWN_ACCOUNT, blob.container_name, blob.blob_name, account_key=WELL_KNOWN_KEY,
        permission=BlobSasPermissions(read=True), expiry=later(),
    )  # fmt: skip
    return f"{blob.url}?{token}"


def test_a_token_by_a_stored_policy_ends_with_the_policy(container: ContainerClient) -> None:
    blob = container.upload_blob("a", b"x")
    policy = AccessPolicy(permission=ContainerSasPermissions(read=True), expiry=later())
    container.set_container_access_policy({"readers": policy})
    token = generate_blob_sas(
        WELL_KNOWN_ACCOUNT, blob.container_name, "a", account_key=WELL_KNOWN_KEY, policy_id="readers"
    )
    with BlobClient.from_blob_url(f"{blob.url}?{token}", retry_total=0) as reader:
        assert reader.download_blob().readall() == b"x"
        with pytest.raises(HttpResponseError) as refused:
            reader.delete_blob()
        assert refused.value.status_code == 403
        container.set_container_access_policy({})
        with pytest.raises(ClientAuthenticationError):
            reader.download_blob()


@pytest.mark.parametrize(("level", "lists"), [("blob", False), ("container", True)])
def test_what_is_public_is_read_by_everybody_and_written_by_none(
    container: ContainerClient, level: str, lists: bool
) -> None:
    container.upload_blob("a", b"x")
    container.set_container_access_policy({}, public_access=level)
    with ContainerClient.from_container_url(container.url, retry_total=0) as anybody:
        assert anybody.get_blob_client("a").download_blob().readall() == b"x"
        if lists:
            assert [blob.name for blob in anybody.list_blobs()] == ["a"]
        else:
            with pytest.raises(ClientAuthenticationError):
                list(anybody.list_blobs())
        with pytest.raises(ClientAuthenticationError):
            anybody.upload_blob("b", b"y")


def test_each_part_of_a_batch_succeeds_or_fails_by_itself(container: ContainerClient) -> None:
    for name in ("a", "b/c"):
        container.upload_blob(name, b"x")
    answers = list(container.delete_blobs("a", "absent", "b/c", raise_on_any_failure=False))
    assert [answer.status_code for answer in answers] == [202, 404, 202]
    assert [blob.name for blob in container.list_blobs()] == ["b"]


def test_blocks_and_appends_are_taken_from_a_range_of_another_blob(container: ContainerClient) -> None:
    source = readable(container.upload_blob("source", b"0123456789"))
    made = container.get_blob_client("made")
    made.stage_block_from_url("AAAA", source, source_offset=2, source_length=3)
    made.stage_block_from_url("AAAB", source, source_offset=7, source_length=3)
    with pytest.raises(HttpResponseError) as refused:
        made.stage_block_from_url("AAAAA", source)
    assert code_of(refused.value) == "InvalidBlobOrBlock"
    made.commit_block_list([BlobBlock("AAAB"), BlobBlock("AAAA")])
    assert made.download_blob().readall() == b"789234"
    grown = container.get_blob_client("grown")
    grown.create_append_blob()
    grown.append_block_from_url(source, source_offset=0, source_length=4)
    assert grown.download_blob().readall() == b"0123"


def test_a_source_without_a_token_is_not_taken_from(container: ContainerClient) -> None:
    source = container.upload_blob("source", b"x")
    with pytest.raises(HttpResponseError) as refused:
        container.get_blob_client("made").upload_blob_from_url(source.url)
    assert (refused.value.status_code, code_of(refused.value)) == (401, "CannotVerifyCopySource")
    with pytest.raises(ResourceNotFoundError):
        container.get_blob_client("made").start_copy_from_url(source.url + "absent")


def test_a_block_with_another_checksum_than_its_own_is_refused(container: ContainerClient) -> None:
    source = readable(container.upload_blob("source", b"x"))
    with pytest.raises(HttpResponseError) as refused:
        container.get_blob_client("made").upload_blob_from_url(source, source_content_md5=bytearray(16))
    assert code_of(refused.value) == "Md5Mismatch"


def test_the_crc_is_that_of_the_catalogue() -> None:
    # The check value of CRC-64/NVME for the digits 1 to 9, lowest byte first: ae8b14860a799888.
    assert crc64(b"123456789") == "iJh5CoYUi64="


def test_the_properties_of_the_service_are_kept_where_a_change_does_not_name_them(
    container: ContainerClient,
) -> None:
    service = container._get_blob_service_client()
    service.set_service_properties(target_version="2021-04-10")
    service.set_service_properties(cors=[])
    assert service.get_service_properties()["target_version"] == "2021-04-10"
