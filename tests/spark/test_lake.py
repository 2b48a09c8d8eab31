"""Spark's files in the lake emulator's tree: read by Microsoft's SDK over the wire, and the other way round."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.emulators.datalake.auth import WELL_KNOWN_ACCOUNT, WELL_KNOWN_KEY
from local.layout import CHECKOUT
from shared.names import LAKE_FILE_SYSTEM


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of the emulator, one subfolder a container."""
    return tmp_path / "lake"


@pytest.fixture
def files(data: Path) -> Iterator[Any]:
    """The file system of the zones, as the app's SDK sees it."""
    from azure.storage.filedatalake import FileSystemClient

    command = [sys.executable, "-m", "local.emulators.datalake", "--data", str(data), "--port", "0"]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().rpartition(" ")[2].strip()
        key = {"account_name": WELL_KNOWN_ACCOUNT, "account_key": WELL_KNOWN_KEY}
        with FileSystemClient(url, LAKE_FILE_SYSTEM, credential=key) as client:
            client.create_file_system()
            yield client
        process.terminate()


def test_a_table_that_spark_wrote_is_listed_and_read_by_the_sdk(spark: Any, data: Path, files: Any) -> None:
    from spark.paths import LakeRoot

    lake = LakeRoot(str(data / LAKE_FILE_SYSTEM))
    spark.range(10).write.format("delta").save(lake.uri("curated/ten"))
    listed = {path.name for path in files.get_paths("curated/ten") if not path.is_directory}
    log = files.get_file_client("curated/ten/_delta_log/00000000000000000000.json").download_file().readall()
    added = [each["add"]["path"] for each in map(json.loads, log.splitlines()) if "add" in each]
    assert listed == {f"curated/ten/{path}" for path in [*added, "_delta_log/00000000000000000000.json"]}
    for path in added:
        assert files.get_file_client(f"curated/ten/{path}").download_file().readall()[:4] == b"PAR1"


def test_a_table_that_the_sdk_wrote_is_read_by_spark(
    spark: Any, data: Path, files: Any, tmp_path: Path
) -> None:
    from spark.paths import LakeRoot

    elsewhere = LakeRoot(str(tmp_path / "elsewhere"))
    spark.range(7).write.format("delta").save(elsewhere.uri("seven"))
    source = tmp_path / "elsewhere" / "seven"
    for path in (found for found in source.rglob("*") if found.is_file()):
        target = files.get_file_client(f"curated/seven/{path.relative_to(source).as_posix()}")
        target.upload_data(path.read_bytes(), overwrite=True)
    lake = LakeRoot(str(data / LAKE_FILE_SYSTEM))
    assert spark.read.format("delta").load(lake.uri("curated/seven")).count() == 7
