"""kill -9 at any moment: what was acknowledged is there, and no name shows less than its whole content."""

from __future__ import annotations

import hashlib
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import AzureError
from azure.storage.blob import BlobBlock, generate_container_sas

from local.emulators.datalake.auth import WELL_KNOWN_ACCOUNT, WELL_KNOWN_KEY
from tests.emulators.datalake.emulator import Emulator
from tests.patience import PATIENCE_S


def test_keeps_everything_over_a_stop_and_start(start_emulator: Callable[..., Emulator]) -> None:
    emulator = start_emulator()
    container = emulator.blobs().create_container("kept", metadata={"zone": "raw"})
    properties = container.upload_blob("a/b", b"x", metadata={"K": "v"}).get_blob_properties()
    assert emulator.stop() == 0
    emulator.start()
    container = emulator.blobs().get_container_client("kept")
    after = container.get_blob_client("a/b").get_blob_properties()
    assert (after.etag, after.metadata, after.last_modified) == (
        properties.etag,
        {"K": "v"},
        properties.last_modified,
    )
    assert container.get_container_properties().metadata == {"zone": "raw"}


def test_keeps_uncommitted_blocks_and_appends_over_a_kill(start_emulator: Callable[..., Emulator]) -> None:
    emulator = start_emulator()
    emulator.blobs().create_container("kept").get_blob_client("blocks").stage_block("a", b"A" * 300_000)
    emulator.lake().get_file_system_client("kept").create_file("file").append_data(b"x" * 300_000, 0, 300_000)
    emulator.kill()
    emulator.start()
    blob = emulator.blobs().get_blob_client("kept", "blocks")
    blob.commit_block_list([BlobBlock("a")])
    assert blob.download_blob().readall() == b"A" * 300_000
    file = emulator.lake().get_file_system_client("kept").get_file_client("file")
    assert file.get_file_properties().size == 0
    file.flush_data(300_000)
    assert file.download_file().readall() == b"x" * 300_000


class Writer(threading.Thread):
    """Puts blobs until told to stop; remembers which the server acknowledged."""

    def __init__(self, emulator: Emulator, name: str, size: int) -> None:
        super().__init__()
        self._container = emulator.blobs(max_single_put_size=256 * 1024).get_container_client("torn")
        self._name = name
        self._size = size
        self.acknowledged: list[str] = []
        self.under_way = threading.Event()
        self.halt = threading.Event()

    def run(self) -> None:
        for number in range(100_000):
            if self.halt.is_set():
                return
            content = random.Random(number).randbytes(self._size)
            name = f"{self._name}/{number % 7}/{number:06d}"
            digest = hashlib.sha256(content).hexdigest()
            try:
                self._container.upload_blob(name, content, metadata={"sha256": digest}, overwrite=False)
            except AzureError:
                return
            self.acknowledged.append(name)
            self.under_way.set()


@pytest.mark.slow
@pytest.mark.parametrize("size", [1_000, 700_000])
def test_shows_no_torn_blob_after_kills_under_load(
    start_emulator: Callable[..., Emulator], size: int
) -> None:
    emulator = start_emulator()
    emulator.blobs().create_container("torn")
    acknowledged: list[str] = []
    chance = random.Random(size)
    for round_number in range(4):
        writers = [Writer(emulator, f"r{round_number}/w{number}", size) for number in range(2)]
        for writer in writers:
            writer.start()
        # Kill at a moment that differs from round to round, once work is under way.
        assert all(writer.under_way.wait(PATIENCE_S) for writer in writers)
        threading.Event().wait(chance.random() * 0.3)
        emulator.process.kill()
        for writer in writers:
            writer.halt.set()
            writer.join()
            acknowledged += writer.acknowledged
        emulator.kill()
        emulator.start()
    container = emulator.blobs().get_container_client("torn")
    seen = {}
    for listed in container.list_blobs(include=["metadata"]):
        if not listed.metadata.get("hdi_isfolder"):
            content = (emulator.data / "torn" / listed.name).read_bytes()
            assert hashlib.sha256(content).hexdigest() == listed.metadata["sha256"]
            seen[listed.name] = len(content)
    assert set(acknowledged) <= set(seen)
    assert set(seen.values()) == {size}
    assert acknowledged


@pytest.mark.parametrize("length", [10_000, 1_000_000])
def test_commits_nothing_of_an_upload_cut_short(start_emulator: Callable[..., Emulator], length: int) -> None:
    emulator = start_emulator()
    container = emulator.blobs().create_container("cut")
    token = generate_container_sas(
        WELL_KNOWN_ACCOUNT,
        "cut",
        account_key=WELL_KNOWN_KEY,
        permission="racwdl",
        expiry=datetime.now(UTC) + timedelta(minutes=10),
    )
    head = f"PUT /{WELL_KNOWN_ACCOUNT}/cut/a?{token} HTTP/1.1\r\nHost: localhost\r\nx-ms-blob-type: BlockBlob\r\n"
    with socket.create_connection(("127.0.0.1", emulator.port)) as connection:
        connection.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode() + bytes(length // 2))
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert not container.get_blob_client("a").exists()
    assert list((emulator.data / ".emulator" / "staging").iterdir()) == []


def test_refuses_a_data_folder_that_another_emulator_owns(start_emulator: Callable[..., Emulator]) -> None:
    emulator = start_emulator()
    command = [sys.executable, "-m", "local.emulators.datalake", "--data", str(emulator.data), "--port", "0"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert second.returncode == 1
    assert "owns this data folder" in second.stderr
