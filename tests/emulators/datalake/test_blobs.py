"""Blobs through azure-storage-blob: put, get, conditions, metadata, blocks, append, copy."""

from __future__ import annotations

import base64
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobBlock, BlobType, ContainerClient, ContentSettings
from azure.storage.blob.aio import BlobServiceClient as AsyncBlobServiceClient

from tests.emulators.datalake.emulator import Emulator, code_of


def test_puts_content_and_metadata_in_one_call(container: ContainerClient) -> None:
    blob = container.get_blob_client("raw/vital-signs/t=a/p=0/00000000000000000001.ndjson.gz")
    settings = ContentSettings(content_type="application/gzip", cache_control="no-cache")
    blob.upload_blob(b"line", metadata={"endSequence": "7", "count": "1"}, content_settings=settings)
    properties = blob.get_blob_properties()
    assert properties.metadata == {"endSequence": "7", "count": "1"}
    assert properties.content_settings.content_type == "application/gzip"
    assert properties.content_settings.cache_control == "no-cache"
    assert properties.size == 4
    assert blob.download_blob().readall() == b"line"


def test_refuses_a_second_put_if_none_match_any(container: ContainerClient) -> None:
    container.upload_blob("once", b"first", overwrite=False)
    with pytest.raises(ResourceExistsError) as refused:
        container.upload_blob("once", b"second", overwrite=False)
    assert code_of(refused.value) == "BlobAlreadyExists"
    assert container.download_blob("once").readall() == b"first"


def test_gives_exactly_one_winner_to_racing_puts(container: ContainerClient) -> None:
    def put(content: bytes) -> bytes | None:
        try:
            container.upload_blob("race", content, overwrite=False, metadata={"by": content.decode()})
        except ResourceExistsError:
            return None
        return content

    with ThreadPoolExecutor(8) as threads:
        for _ in range(5):
            winners = [won for won in threads.map(put, [b"%d" % n for n in range(8)]) if won]
            assert len(winners) == 1
            assert container.download_blob("race").readall() == winners[0]
            assert (
                container.get_blob_client("race").get_blob_properties().metadata["by"] == winners[0].decode()
            )
            container.delete_blob("race")


def test_replaces_only_what_has_the_expected_etag(container: ContainerClient) -> None:
    blob = container.get_blob_client("fenced")
    first = blob.upload_blob(b"1")["etag"]
    second = blob.upload_blob(
        b"2", overwrite=True, etag=first, match_condition=MatchConditions.IfNotModified
    )["etag"]
    assert second != first
    with pytest.raises(ResourceModifiedError) as refused:
        blob.upload_blob(b"3", overwrite=True, etag=first, match_condition=MatchConditions.IfNotModified)
    assert code_of(refused.value) == "ConditionNotMet"
    with pytest.raises(ResourceModifiedError):
        container.upload_blob(
            "absent", b"", overwrite=True, etag=first, match_condition=MatchConditions.IfNotModified
        )


def test_keeps_a_checkpoint_in_metadata_under_a_fence(container: ContainerClient) -> None:
    """What the Event Hubs checkpoint store does: an empty blob, claimed and renewed by its metadata."""
    blob = container.get_blob_client("ns/hub/$default/ownership/0")
    blob.upload_blob(b"", metadata={"ownerid": "a"}, overwrite=False)
    etag = blob.get_blob_properties().etag
    blob.set_blob_metadata({"ownerid": "b"}, etag=etag, match_condition=MatchConditions.IfNotModified)
    with pytest.raises(ResourceModifiedError):
        blob.set_blob_metadata({"ownerid": "c"}, etag=etag, match_condition=MatchConditions.IfNotModified)
    listed = list(container.list_blobs(name_starts_with="ns/hub/$default/ownership/", include=["metadata"]))
    assert [(blob.name, blob.metadata) for blob in listed] == [
        ("ns/hub/$default/ownership/0", {"ownerid": "b"})
    ]


def test_answers_date_and_etag_conditions_on_reads(container: ContainerClient) -> None:
    blob = container.get_blob_client("seen")
    blob.upload_blob(b"x")
    properties = blob.get_blob_properties()
    hour = timedelta(hours=1)
    with pytest.raises(HttpResponseError) as not_modified:
        blob.download_blob(if_modified_since=datetime.now(UTC) + hour)
    assert not_modified.value.status_code == 304
    with pytest.raises(HttpResponseError) as same:
        blob.get_blob_properties(etag=properties.etag, match_condition=MatchConditions.IfModified)
    assert same.value.status_code == 304
    with pytest.raises(ResourceModifiedError):
        blob.download_blob(if_unmodified_since=datetime.now(UTC) - hour)
    with pytest.raises(ResourceModifiedError):
        blob.delete_blob(if_unmodified_since=datetime.now(UTC) - hour)
    assert blob.download_blob(if_modified_since=datetime.now(UTC) - hour).readall() == b"x"


def test_reads_ranges_and_refuses_one_past_the_end(container: ContainerClient) -> None:
    blob = container.get_blob_client("ranged")
    blob.upload_blob(b"0123456789")
    assert blob.download_blob(offset=3, length=4).readall() == b"3456"
    assert blob.download_blob(offset=8, length=100).readall() == b"89"
    with pytest.raises(HttpResponseError) as refused:
        blob.download_blob(offset=10, length=1)
    assert refused.value.status_code == 416
    assert container.upload_blob("empty", b"").download_blob().readall() == b""


def test_verifies_the_md5_of_an_upload(container: ContainerClient) -> None:
    blob = container.upload_blob("checked", b"content" * 1000, validate_content=True)
    assert blob.download_blob(validate_content=True).readall() == b"content" * 1000
    wrong = base64.b64encode(bytes(16)).decode()
    with pytest.raises(HttpResponseError) as refused:
        container.upload_blob("wrong", b"content", headers={"Content-MD5": wrong})
    assert code_of(refused.value) == "Md5Mismatch"
    assert not container.get_blob_client("wrong").exists()


def test_commits_blocks_in_the_order_asked_for(container: ContainerClient) -> None:
    blob = container.get_blob_client("blocks")
    for name, content in (("a", b"AAA"), ("b", b"BB"), ("c", b"C")):
        blob.stage_block(name, content)
    assert not blob.exists()
    blob.commit_block_list([BlobBlock("c"), BlobBlock("a")], metadata={"k": "v"})
    assert blob.download_blob().readall() == b"CAAA"
    committed, uncommitted = blob.get_block_list("all")
    assert [(block.id, block.size) for block in committed] == [("c", 1), ("a", 3)]
    assert uncommitted == []
    blob.stage_block("d", b"D")
    blob.commit_block_list([BlobBlock("a"), BlobBlock("d")])
    assert blob.download_blob().readall() == b"AAAD"
    with pytest.raises(HttpResponseError) as refused:
        blob.commit_block_list([BlobBlock("never")])
    assert code_of(refused.value) == "InvalidBlockList"


def test_block_ids_of_a_blob_are_of_one_length(container: ContainerClient) -> None:
    blob = container.get_blob_client("lengths")
    blob.stage_block("01", b"A")
    with pytest.raises(HttpResponseError) as refused:
        blob.stage_block("001", b"B")
    assert (refused.value.status_code, code_of(refused.value)) == (400, "InvalidBlobOrBlock")
    blob.stage_block("02", b"B")
    blob.commit_block_list([BlobBlock("01"), BlobBlock("02")])
    assert blob.download_blob().readall() == b"AB"
    blob.stage_block("longer", b"C")
    blob.commit_block_list([BlobBlock("01"), BlobBlock("longer")])
    assert blob.download_blob().readall() == b"AC"


def test_refuses_a_block_list_over_an_existing_blob_if_none_match_any(container: ContainerClient) -> None:
    blob = container.upload_blob("taken", b"first")
    blob.stage_block("a", b"A")
    with pytest.raises(ResourceExistsError):
        blob.commit_block_list([BlobBlock("a")], match_condition=MatchConditions.IfMissing)
    assert blob.download_blob().readall() == b"first"


def test_appends_to_append_blobs(container: ContainerClient) -> None:
    blob = container.get_blob_client("log")
    blob.create_append_blob(metadata={"k": "v"})
    blob.append_block(b"one\n")
    assert blob.append_block(b"two\n", appendpos_condition=4)["blob_append_offset"] == "4"
    with pytest.raises(HttpResponseError) as refused:
        blob.append_block(b"three\n", appendpos_condition=4)
    assert code_of(refused.value) == "AppendPositionConditionNotMet"
    properties = blob.get_blob_properties()
    assert blob.download_blob().readall() == b"one\ntwo\n"
    assert (properties.blob_type, properties.append_blob_committed_block_count) == (BlobType.APPENDBLOB, 2)
    assert properties.metadata == {"k": "v"}
    with pytest.raises(HttpResponseError) as wrong_type:
        container.upload_blob("block", b"").append_block(b"x")
    assert code_of(wrong_type.value) == "InvalidBlobType"


def test_loses_no_append_of_many_at_once(container: ContainerClient) -> None:
    blob = container.get_blob_client("busy-log")
    blob.create_append_blob()
    lines = [b"%04d\n" % number for number in range(64)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(blob.append_block, lines))
    assert sorted(blob.download_blob().readall().splitlines(keepends=True)) == lines


def test_copies_with_metadata_and_conditions(container: ContainerClient) -> None:
    source = container.upload_blob("source", b"content", metadata={"k": "v"})
    copy = container.get_blob_client("copies/one")
    assert copy.start_copy_from_url(source.url)["copy_status"] == "success"
    assert copy.download_blob().readall() == b"content"
    assert copy.get_blob_properties().metadata == {"k": "v"}
    with pytest.raises(HttpResponseError) as refused:
        copy.start_copy_from_url(
            source.url, source_etag='"0x1"', source_match_condition=MatchConditions.IfNotModified
        )
    assert code_of(refused.value) == "SourceConditionNotMet"
    with pytest.raises(ResourceNotFoundError):
        copy.start_copy_from_url(source.url + "-absent")


def test_deletes_and_then_finds_nothing(container: ContainerClient) -> None:
    container.upload_blob("gone", b"x")
    container.delete_blob("gone")
    with pytest.raises(ResourceNotFoundError) as absent:
        container.download_blob("gone")
    assert code_of(absent.value) == "BlobNotFound"
    with pytest.raises(ResourceNotFoundError):
        container.delete_blob("gone")


def test_keeps_unusual_names_as_they_are(container: ContainerClient) -> None:
    names = [
        "é ü/日本.json",
        "a b+c&d=e/100%.txt",
        "_delta_log/00000000000000000000.json",
        ".part-0.crc",
        "x~y'z(1)",
    ]
    for name in names:
        container.upload_blob(name, name.encode())
        assert container.download_blob(name).readall() == name.encode()
    listed = [blob.name for blob in container.list_blobs() if blob.size]
    assert listed == sorted(names)


def test_creates_lists_and_deletes_containers(emulator: Emulator, container: ContainerClient) -> None:
    with pytest.raises(ResourceExistsError):
        container.create_container()
    container.set_container_metadata({"zone": "raw"})
    assert container.get_container_properties().metadata == {"zone": "raw"}
    container.upload_blob("a/b", b"x")
    container.delete_container()
    assert not container.exists()
    with pytest.raises(ResourceNotFoundError) as absent:
        container.upload_blob("a/b", b"x")
    assert code_of(absent.value) == "ContainerNotFound"


async def _round_trip(connection_string: str) -> bytes:
    async with AsyncBlobServiceClient.from_connection_string(connection_string) as service:
        container = await service.create_container(f"a{uuid.uuid4().hex[:12]}")
        blob = await container.upload_blob("x y/é", b"async", metadata={"start_Seq": "1"})
        assert (await blob.get_blob_properties()).metadata == {"start_Seq": "1"}
        return await (await blob.download_blob()).readall()


def test_serves_the_asynchronous_client(emulator: Emulator) -> None:
    import asyncio

    assert asyncio.run(_round_trip(emulator.connection_string)) == b"async"
