"""The directory tree is the truth: what is put there from outside is served, what is removed is gone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError
from azure.storage.blob import ContainerClient

from tests.emulators.datalake.emulator import Emulator, code_of


@pytest.fixture
def folder(emulator: Emulator, container: ContainerClient) -> Path:
    """The container's folder on disk."""
    data: Path = emulator.data
    return data / str(container.container_name)


def test_stores_a_blob_as_a_plain_file(container: ContainerClient, folder: Path) -> None:
    container.upload_blob("bronze/day=1/part-0.parquet", b"rows")
    assert (folder / "bronze/day=1/part-0.parquet").read_bytes() == b"rows"


def test_serves_what_is_copied_into_the_tree(
    container: ContainerClient, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "_delta_log").mkdir()
    (tmp_path / "_delta_log/00.json").write_bytes(b"{}")
    (tmp_path / ".part-0.crc").write_bytes(b"crc")
    shutil.copytree(tmp_path, folder / "silver")
    listed = {blob.name: blob.size for blob in container.list_blobs(name_starts_with="silver/")}
    assert listed == {"silver/.part-0.crc": 3, "silver/_delta_log": 0, "silver/_delta_log/00.json": 2}
    blob = container.get_blob_client("silver/_delta_log/00.json")
    assert blob.download_blob().readall() == b"{}"
    assert blob.get_blob_properties().etag == blob.get_blob_properties().etag


def test_forgets_what_is_removed_from_the_tree(container: ContainerClient, folder: Path) -> None:
    container.upload_blob("a/b", b"x", metadata={"k": "v"})
    shutil.rmtree(folder / "a")
    assert not container.get_blob_client("a/b").exists()
    assert list(container.list_blobs()) == []
    container.upload_blob("a/b", b"y", overwrite=False)
    assert container.get_blob_client("a/b").get_blob_properties().metadata == {}


def test_gives_a_file_changed_from_outside_a_new_etag(container: ContainerClient, folder: Path) -> None:
    blob = container.upload_blob("a", b"first", metadata={"k": "v"})
    etag = blob.get_blob_properties().etag
    (folder / "a").write_bytes(b"other")
    changed = blob.get_blob_properties()
    assert changed.etag != etag
    assert changed.metadata == {}
    assert blob.download_blob().readall() == b"other"
    with pytest.raises(ResourceModifiedError):
        blob.upload_blob(b"mine", overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified)


def test_takes_a_name_given_from_outside_as_taken(container: ContainerClient, folder: Path) -> None:
    (folder / "dropped").write_bytes(b"theirs")
    with pytest.raises(ResourceExistsError):
        container.upload_blob("dropped", b"mine", overwrite=False)
    assert (folder / "dropped").read_bytes() == b"theirs"


def test_keeps_metadata_set_on_a_file_from_outside(container: ContainerClient, folder: Path) -> None:
    (folder / "dropped").write_bytes(b"theirs")
    blob = container.get_blob_client("dropped")
    blob.set_blob_metadata({"seen": "yes"})
    assert blob.get_blob_properties().metadata == {"seen": "yes"}
    os.utime(folder / "dropped", ns=(1, 1))
    assert blob.get_blob_properties().metadata == {}


def test_lists_a_container_made_as_a_folder(
    emulator: Emulator, container: ContainerClient, folder: Path
) -> None:
    made = folder.parent / f"{folder.name}-made"
    made.mkdir()
    with emulator.blobs() as service:
        assert made.name in [found.name for found in service.list_containers(name_starts_with=folder.name)]


def test_shows_a_reader_one_version_while_it_is_replaced(container: ContainerClient) -> None:
    first, second = b"1" * 40_000_000, b"2" * 40_000_000
    blob = container.upload_blob("replaced", first)
    begun = blob.download_blob()
    blob.upload_blob(second, overwrite=True)
    # The first answer still shows the old bytes; the client's next range carries their ETag.
    with pytest.raises(ResourceModifiedError):
        begun.readall()
    assert blob.download_blob().readall() == second


def test_follows_no_symbolic_link(container: ContainerClient, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "linked").symlink_to(tmp_path)
    assert list(container.list_blobs()) == []
    for name in ("link", "linked/secret"):
        with pytest.raises(HttpResponseError) as refused:
            container.download_blob(name)
        assert code_of(refused.value) in ("BlobNotFound", "InvalidUri")
    with pytest.raises(HttpResponseError, match="Symbolic links"):
        container.upload_blob("linked/new", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
