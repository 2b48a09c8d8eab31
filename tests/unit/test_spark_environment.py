"""Processes that start Spark at once share one cache of jars."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local import spark_environment
from local.spark_environment import SparkMissing

JAVA = Path("/usr/lib/jvm/none")
ALONE = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
(folder / "at work").mkdir()  # fails where another process is at work
time.sleep(0.2)
(folder / "jars").mkdir()
(folder / "jars" / "io.delta_delta-spark_4.1_2.13-4.4.0.jar").touch()
(folder / "at work").rmdir()
"""
CUT_ONCE = """
import pathlib, sys
folder = pathlib.Path(sys.argv[1])
if not (folder / "cache").exists():
    (folder / "cache").mkdir()
    raise SystemExit("the connection was reset")
(folder / "jars").mkdir()
(folder / "jars" / "io.delta_delta-spark_4.1_2.13-4.4.0.jar").touch()
"""
NO_NETWORK = "raise SystemExit('no address associated with host name')"


def test_processes_that_start_at_once_fetch_the_jars_one_after_the_other_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_environment, "_FETCH", ALONE)
    with ThreadPoolExecutor(3) as pool:
        for fetched in [pool.submit(spark_environment._fetch_jars, JAVA, tmp_path) for _ in range(3)]:
            fetched.result()
    assert (tmp_path / "fetch.log").read_text() == ""
    assert (tmp_path / "complete").exists()


def test_a_download_that_was_cut_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_environment, "_FETCH", CUT_ONCE)
    spark_environment._fetch_jars(JAVA, tmp_path)
    assert "the connection was reset" in (tmp_path / "fetch.log").read_text()


def test_where_no_network_is_the_sentence_names_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_environment, "_FETCH", NO_NETWORK)
    with pytest.raises(SparkMissing, match="a network to a Maven repository is needed") as stopped:
        spark_environment._fetch_jars(JAVA, tmp_path)
    assert str(tmp_path / "fetch.log") in str(stopped.value)
    assert not (tmp_path / "complete").exists()
