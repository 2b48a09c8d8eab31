"""A Spark session for all tests of this folder, and a lake of landed lines to run jobs on."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.spark_environment import SparkMissing, SparkRuntime, prepare, what_is_missing
from shared.domain.ingest.raw_line import RawLine
from shared.names import RawZone

FOLDER = Path(__file__).parent
TIMEOUT_S = 1200
SHORT_LIVED = {
    "JDK_JAVA_OPTIONS": (
        "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
        " -XX:NewRatio=1"
    )
}
"""A session of some minutes spends an eighth of its processor time on machine code that it then hardly uses.

Nor does it pay to check Spark's classes once more, or to collect a small heap often.
"""
TENANT = "default"
ENQUEUED_AT = "2026-01-01T00:00:00.000000Z"


@pytest.hookimpl(tryfirst=True)  # before `-m spark` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What every test of this folder that runs Spark is: one that may be skipped, that has time, that leaves sockets."""
    for item in items:
        if not item.path.is_relative_to(FOLDER) or "spark" not in getattr(item, "fixturenames", ()):
            continue
        item.add_marker(pytest.mark.spark)
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))
        # Spark's Python side leaves its sockets to the garbage collector.
        item.add_marker(
            pytest.mark.filterwarnings(
                "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
            )
        )


class RawLake:
    """Lands lines as the doors do, into a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._sequence = 0

    def stream(self, *resources: dict[str, Any], enqueued_at: str = ENQUEUED_AT) -> Path:
        """One file with one line per resource, as the stream door lands them."""
        first = self._sequence
        lines = [self.line(resource, enqueued_at) for resource in resources]
        folder = self.root / f"raw/{RawZone.PATIENT_RECORDS}/clinical-events/g1/t={TENANT}/p=0"
        return self.write(folder / f"{first:020d}.ndjson.gz", lines)

    def commits(self, *commits: dict[str, Any]) -> Path:
        """One file of commit lines, as the change feed lands what came by HTTP."""
        lines = [json.dumps({"v": 1, "tenant": TENANT, **commit}) for commit in commits]
        name = hashlib.sha256("".join(lines).encode()).hexdigest()
        return self.write(self.root / f"raw/{RawZone.COMMITS}/t={TENANT}/{name}.ndjson.gz", lines)

    def line(self, resource: dict[str, Any], enqueued_at: str = ENQUEUED_AT) -> str:
        body = json.dumps(resource).encode()
        line = RawLine(
            tenant=TENANT,
            door="stream",
            zone=RawZone.PATIENT_RECORDS,
            source=TENANT,
            stream="clinical-events",
            generation="g1",
            partition="0",
            sequence=self._sequence,
            enqueued_at=enqueued_at,
            landed_at="2026-01-01T00:00:01.000000Z",
            sha256=hashlib.sha256(body).hexdigest(),
            body=body,
        )
        self._sequence += 1
        return line.to_json()

    def write(self, path: Path, lines: list[str]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
        return path


@pytest.fixture
def raw(tmp_path: Path) -> RawLake:
    """An empty lake."""
    return RawLake(tmp_path / "lake")


def driver_variables(runtime: SparkRuntime | None = None) -> dict[str, str]:
    """The environment of a driver in a process of its own."""
    return (runtime or prepare()).variables() | SHORT_LIVED


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """One session in this process; skips with a sentence where Spark cannot run."""
    missing = what_is_missing()
    if missing:
        pytest.skip(f"not tested: {missing}")
    try:
        runtime = prepare()
    except SparkMissing as stopped:
        pytest.skip(f"not tested: {stopped}")
    from spark.session import SparkSettings, create_session

    before = dict(os.environ)
    os.environ.update(driver_variables(runtime))
    try:
        session = create_session(
            SparkSettings(master="local[2]", jars=runtime.jars, shuffle_partitions=1), "galen tests"
        )
    finally:  # the JVM and the workers that it starts have them from now on; other tests of this process must not
        os.environ.clear()
        os.environ.update(before)
    # A test has a handful of rows: compiling an expression for them takes longer than walking through it.
    session.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")
    yield session
    session.stop()
