"""What was read of a version of a table is kept for its next reader, and of that version alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("deltalake", reason="not tested: tables in a folder")
pytest.importorskip("pyspark", reason="not tested: tables in a folder")

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from tests.lazily import lazily

commits = lazily("spark.jobs.commits")
folder_files = lazily("spark.jobs.folder_files")


def write(folder: Path, *values: int, mode: str = "append") -> None:
    write_deltalake(folder, pa.table({"value": pa.array(values, pa.int64())}), mode=mode)


def read(folder: Path, version: int | None = None) -> list[int]:
    rows = folder_files.dataset_of(folder_files.opened(f"file:{folder}", version)).to_table()
    return sorted(rows["value"].to_pylist())


def test_a_version_is_opened_once_and_stays_as_it_was_when_others_follow(tmp_path: Path) -> None:
    write(tmp_path, 1)
    first = folder_files.opened(f"file:{tmp_path}")
    assert folder_files.opened(f"file:{tmp_path}") is first
    write(tmp_path, 2)
    assert (read(tmp_path), read(tmp_path, 0), first.version()) == ([1, 2], [1], 0)


def test_a_table_made_anew_in_the_same_folder_is_read_anew(tmp_path: Path) -> None:
    folder = tmp_path / "table"
    write(folder, 1)
    assert read(folder) == [1]
    shutil.rmtree(folder)
    write(folder, 2)
    assert read(folder) == [2]


def test_what_a_writer_left_is_there_for_the_next_reader_and_what_it_writes_later_is_no_part_of_it(
    tmp_path: Path,
) -> None:
    write(tmp_path, 1)
    target = DeltaTable(tmp_path)
    folder_files.keep(target)
    assert folder_files.opened(f"file:{tmp_path}", 0) is target
    write_deltalake(target, pa.table({"value": pa.array([2], pa.int64())}), mode="append")
    assert (read(tmp_path, 0), read(tmp_path)) == ([1], [1, 2])


def test_the_files_that_came_after_a_version_are_those_that_are_still_there(tmp_path: Path) -> None:
    for value in (1, 2):
        write(tmp_path, value)
    before = set(DeltaTable(tmp_path, version=0).file_uris())
    log = commits.TableLog(None, f"file:{tmp_path}")
    added = log.added_since(0)
    assert {str(tmp_path / name) for name in added} == set(DeltaTable(tmp_path).file_uris()) - before
    assert log.added_since(log.version) == frozenset()
    write(tmp_path, 3, mode="overwrite")
    log = commits.TableLog(None, f"file:{tmp_path}")
    assert len(log.added_since(0)) == 1
    assert log.added_since(0).isdisjoint(added)
    (tmp_path / "_delta_log" / f"{1:020d}.json").unlink()
    assert commits.TableLog(None, f"file:{tmp_path}").added_since(0) is None


def test_who_writes_a_table_shares_it_with_no_other_writer_until_it_is_kept(tmp_path: Path) -> None:
    write(tmp_path, 1)
    first = folder_files.for_writing(folder_files.found_in(str(tmp_path)))
    second = folder_files.for_writing(folder_files.found_in(str(tmp_path)))
    assert first is not second
    write_deltalake(first, pa.table({"value": pa.array([2], pa.int64())}), mode="append")
    assert (first.version(), second.version()) == (1, 0)
    folder_files.keep(first)
    assert folder_files.found_in(str(tmp_path)) is first
    assert read(tmp_path, 0) == [1]
    assert folder_files.dataset_at(f"file:{tmp_path}", 0).to_table()["value"].to_pylist() == [1]


def test_a_folder_without_a_commit_holds_no_table(tmp_path: Path) -> None:
    assert folder_files.found_in(str(tmp_path)) is None
    (tmp_path / "_delta_log").mkdir()
    assert folder_files.found_in(str(tmp_path)) is None
