"""The hierarchical namespace through azure-storage-file-datalake."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.filedatalake import ContentSettings, FileSystemClient
from azure.storage.filedatalake.aio import DataLakeServiceClient as AsyncDataLakeServiceClient

from tests.emulators.datalake.emulator import Emulator, code_of


def test_shows_appended_bytes_only_after_the_flush(file_system: FileSystemClient) -> None:
    file = file_system.create_file("raw/a.json", metadata={"k": "v"})
    file.append_data(b"world", 6, 5)
    file.append_data(b"hello ", 0, 6)
    assert file.download_file().readall() == b""
    file.flush_data(11, content_settings=ContentSettings(content_type="application/json"))
    assert file.download_file().readall() == b"hello world"
    file.append_data(b"!", 11, 1, flush=True)
    assert file.download_file().readall() == b"hello world!"
    properties = file.get_file_properties()
    assert (properties.size, properties.metadata) == (12, {"k": "v"})
    assert properties.content_settings.content_type == "application/json"


def test_refuses_a_flush_over_a_gap(file_system: FileSystemClient) -> None:
    file = file_system.create_file("gap")
    file.append_data(b"late", 5, 4)
    with pytest.raises(HttpResponseError) as refused:
        file.flush_data(9)
    assert code_of(refused.value) == "InvalidFlushPosition"


def test_fences_a_flush_by_etag(file_system: FileSystemClient) -> None:
    file = file_system.get_file_client("fenced")
    etag = str(file.create_file()["etag"])
    file.append_data(b"abc", 0, 3)
    file.flush_data(3, etag=etag, match_condition=MatchConditions.IfNotModified)
    file.append_data(b"def", 3, 3)
    with pytest.raises(ResourceModifiedError):
        file.flush_data(6, etag=etag, match_condition=MatchConditions.IfNotModified)


def test_uploads_in_chunks_at_once_and_overwrites(file_system: FileSystemClient) -> None:
    file = file_system.get_file_client("big")
    content = bytes(range(256)) * 36_000
    file.upload_data(content, overwrite=True, chunk_size=1024 * 1024, max_concurrency=4)
    assert file.download_file().readall() == content
    file.upload_data(b"short", overwrite=True)
    assert file.download_file().readall() == b"short"
    with pytest.raises(HttpResponseError):
        file.upload_data(b"other", overwrite=False)
    assert file.download_file().readall() == b"short"


def test_creates_only_what_is_missing_when_asked_to(file_system: FileSystemClient) -> None:
    file_system.create_file("once").create_file()
    with pytest.raises(ResourceExistsError) as refused:
        file_system.get_file_client("once").create_file(match_condition=MatchConditions.IfMissing)
    assert code_of(refused.value) == "PathAlreadyExists"
    with pytest.raises(ResourceExistsError) as conflict:
        file_system.create_file("once/below")
    assert code_of(conflict.value) == "PathConflict"


def test_renames_a_file_only_where_nothing_is_in_its_way(file_system: FileSystemClient) -> None:
    file_system.create_directory("final")
    aside = file_system.create_file("aside", metadata={"k": "v"})
    aside.upload_data(b"whole", overwrite=True, metadata={"k": "v"})
    etag = aside.get_file_properties().etag
    moved = aside.rename_file(
        f"{file_system.file_system_name}/final/one", match_condition=MatchConditions.IfMissing
    )
    assert moved.download_file().readall() == b"whole"
    assert (moved.get_file_properties().metadata, moved.get_file_properties().etag) == ({"k": "v"}, etag)
    assert not aside.exists()
    second = file_system.create_file("second")
    with pytest.raises(ResourceExistsError) as refused:
        second.rename_file(
            f"{file_system.file_system_name}/final/one", match_condition=MatchConditions.IfMissing
        )
    assert code_of(refused.value) == "PathAlreadyExists"
    assert second.exists()
    with pytest.raises(ResourceNotFoundError) as no_parent:
        second.rename_file(f"{file_system.file_system_name}/nowhere/two")
    assert code_of(no_parent.value) == "RenameDestinationParentPathNotFound"
    second.rename_file(f"{file_system.file_system_name}/final/one")
    assert moved.download_file().readall() == b""


def test_renames_a_directory_with_all_below_it(file_system: FileSystemClient) -> None:
    directory = file_system.create_directory("a/b", metadata={"zone": "raw"})
    file_system.create_directory("a/b/c", metadata={"deep": "yes"})
    for number in range(20):
        file_system.create_file(f"a/b/c/{number}", metadata={"n": str(number)})
    moved = directory.rename_directory(f"{file_system.file_system_name}/a/z")
    assert moved.get_directory_properties().metadata["zone"] == "raw"
    assert file_system.get_directory_client("a/z/c").get_directory_properties().metadata["deep"] == "yes"
    assert file_system.get_file_client("a/z/c/7").get_file_properties().metadata == {"n": "7"}
    assert [path.name for path in file_system.get_paths("a", recursive=False)] == ["a/z"]
    file_system.create_file("full/x")
    with pytest.raises(ResourceExistsError):
        moved.rename_directory(f"{file_system.file_system_name}/full")
    with pytest.raises(HttpResponseError) as into_itself:
        moved.rename_directory(f"{file_system.file_system_name}/a/z/c/d")
    assert code_of(into_itself.value) == "InvalidRenameSourcePath"


def test_deletes_a_directory_only_recursively_unless_empty(file_system: FileSystemClient) -> None:
    file_system.create_file("d/e/f")
    with pytest.raises(ResourceExistsError):
        file_system.get_file_client("d").delete_file()
    file_system.get_directory_client("d").delete_directory()
    assert list(file_system.get_paths()) == []


def test_keeps_an_empty_directory_after_its_last_file(file_system: FileSystemClient) -> None:
    file_system.create_file("d/only").delete_file()
    directory = file_system.get_directory_client("d").get_directory_properties()
    assert directory.metadata == {"hdi_isfolder": "true"}
    assert [(path.name, path.is_directory) for path in file_system.get_paths()] == [("d", True)]


def test_describes_paths_when_listing(file_system: FileSystemClient) -> None:
    file = file_system.get_file_client("d/x")
    etag = file.upload_data(b"abc", overwrite=True)["etag"]
    directory, listed = list(file_system.get_paths())
    assert (directory.name, directory.is_directory) == ("d", True)
    assert (listed.name, listed.is_directory, listed.content_length) == ("d/x", False, 3)
    assert listed.etag == etag.strip('"')
    assert listed.creation_time == file.get_file_properties().creation_time.replace(
        microsecond=listed.creation_time.microsecond, tzinfo=listed.creation_time.tzinfo
    )


def test_tells_absent_paths_and_file_systems_apart(file_system: FileSystemClient) -> None:
    with pytest.raises(ResourceNotFoundError) as no_path:
        file_system.get_file_client("absent").append_data(b"x", 0, 1)
    assert code_of(no_path.value) == "PathNotFound"
    with pytest.raises(ResourceNotFoundError) as no_directory:
        list(file_system.get_paths("absent"))
    assert code_of(no_directory.value) == "PathNotFound"
    file_system.delete_file_system()
    with pytest.raises(ResourceNotFoundError) as no_file_system:
        list(file_system.get_paths())
    assert code_of(no_file_system.value) == "FilesystemNotFound"


async def _round_trip(connection_string: str) -> bytes:
    async with AsyncDataLakeServiceClient.from_connection_string(connection_string) as service:
        file_system = await service.create_file_system(f"a{uuid.uuid4().hex[:12]}")
        file = file_system.get_file_client("d/é")
        await file.upload_data(b"async", overwrite=True, metadata={"start_Seq": "1"})
        assert [path.name async for path in file_system.get_paths()] == ["d", "d/é"]
        return await (await file.download_file()).readall()


def test_serves_the_asynchronous_client(emulator: Emulator) -> None:
    assert asyncio.run(_round_trip(emulator.connection_string)) == b"async"
