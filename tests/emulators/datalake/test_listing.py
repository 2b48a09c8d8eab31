"""Listing by prefix, delimiter and page, in the order of full names."""

from __future__ import annotations

from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobPrefix, ContainerClient
from azure.storage.filedatalake import FileSystemClient

from tests.emulators.datalake.emulator import Emulator

NAMES = ["a-b", "a.b", "a/c", "a/d/e", "a0", "b/f", "z"]


@pytest.fixture
def filled(container: ContainerClient) -> ContainerClient:
    for name in NAMES:
        container.upload_blob(name, b"x")
    return container


def files(container: ContainerClient, prefix: str) -> list[str]:
    return [blob.name for blob in container.list_blobs(name_starts_with=prefix) if blob.size]


def test_lists_in_the_order_of_full_names_with_directories_marked(filled: ContainerClient) -> None:
    everything = [blob.name for blob in filled.list_blobs()]
    assert everything == sorted([*NAMES, "a", "a/d", "b"])
    listed = filled.list_blobs(include=["metadata"])
    marked = [blob.name for blob in listed if blob.metadata == {"hdi_isfolder": "true"}]
    assert marked == ["a", "a/d", "b"]


@pytest.mark.parametrize("first", ["a/c", "a/cc", "a/d/e", "b", "zz"])
def test_lists_from_a_name_on_that_name_included(filled: ContainerClient, first: str) -> None:
    listed = [blob.name for blob in filled.list_blobs(start_from=first) if blob.size]
    assert listed == [name for name in NAMES if name >= first]


@pytest.mark.parametrize("prefix", ["", "a", "a/", "a/d", "a/d/e", "b", "c", "a/x", "z", "../"])
def test_lists_what_starts_with_the_prefix(filled: ContainerClient, prefix: str) -> None:
    assert files(filled, prefix) == [name for name in NAMES if name.startswith(prefix)]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_pages_give_each_name_once(filled: ContainerClient, size: int) -> None:
    pages = [[blob.name for blob in page] for page in filled.list_blobs(results_per_page=size).by_page()]
    assert [name for page in pages for name in page] == sorted([*NAMES, "a", "a/d", "b"])
    assert all(len(page) == size for page in pages[:-1])


def test_goes_on_after_a_marker_whose_blob_is_gone(filled: ContainerClient) -> None:
    pages = filled.list_blobs(results_per_page=4).by_page()
    first = [blob.name for blob in next(pages)]
    filled.delete_blob(first[-1])
    assert [blob.name for page in pages for blob in page] == ["a/d", "a/d/e", "a0", "b", "b/f", "z"]


def test_folds_directories_with_a_delimiter(filled: ContainerClient) -> None:
    walked = list(filled.walk_blobs(delimiter="/"))
    assert sorted(item.name for item in walked) == ["a-b", "a.b", "a/", "a0", "b/", "z"]
    assert [item.name for item in walked if isinstance(item, BlobPrefix)] == ["a/", "b/"]
    assert sorted(item.name for item in filled.walk_blobs("a/", delimiter="/")) == ["a/c", "a/d/"]
    with pytest.raises(HttpResponseError) as refused:
        list(filled.walk_blobs(delimiter="-"))
    assert refused.value.status_code == 501


def test_lists_paths_of_a_directory_by_pages(file_system: FileSystemClient) -> None:
    for name in NAMES:
        file_system.create_file(name)
    assert [path.name for path in file_system.get_paths("a")] == ["a/c", "a/d", "a/d/e"]
    assert [path.name for path in file_system.get_paths("a", recursive=False)] == ["a/c", "a/d"]
    pages = [[path.name for path in page] for page in file_system.get_paths(max_results=4).by_page()]
    assert [name for page in pages for name in page] == sorted([*NAMES, "a", "a/d", "b"])
    assert [len(page) for page in pages] == [4, 4, 2]


@pytest.mark.slow
def test_lists_ten_thousand_paths_by_pages(emulator: Emulator, file_system: FileSystemClient) -> None:
    data: Path = emulator.data
    for number in range(10_000):
        path = data / file_system.file_system_name / f"p={number % 8}" / f"{number:08d}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    pages = [len(list(page)) for page in file_system.get_paths().by_page()]
    assert pages == [5000, 5000, 8]
