"""Jobs on each place they run: a process, a Databricks workspace, an EMR Serverless application.

The two services are servers in this process that follow their published API; the real ones were not asked.
"""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.databricks.jobs import DatabricksJobs
from shared.adapters.emr.jobs import EmrPlace, EmrServerlessJobs
from shared.adapters.emr.signature import Credentials, of_environment, signed_headers
from shared.adapters.memory.clock import MemoryClock
from shared.adapters.process.jobs import ProcessJobs
from shared.errors import Busy, Fault, Unavailable
from shared.ports.jobs import Jobs
from tests.contract.job_services import APPLICATION, KEY, REGION, TOKEN, Databricks, EmrServerless, JobService

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
ROLE = "arn:aws:iam::123456789012:role/galen-jobs"


class JobsContract(ABC):
    """What the port says, of every adapter."""

    @pytest.fixture
    @abstractmethod
    def jobs(self) -> Any: ...

    @abstractmethod
    def end_all(self) -> None:
        """What runs comes to its end."""

    def test_a_job_is_started_unless_it_still_runs(self, jobs: Jobs) -> None:
        assert jobs.start("all")
        assert not jobs.start("all")
        assert jobs.start("upkeep")
        self.end_all()
        assert jobs.start("all")


class TestProcess(JobsContract):
    @pytest.fixture
    def jobs(self, tmp_path: Path) -> Iterator[Jobs]:
        self._pipe = tmp_path / "pipe"
        os.mkfifo(self._pipe)
        # Each process ends when what holds the other end of the pipe does.
        read = f"open({str(self._pipe)!r}).read()"
        self._end = os.open(self._pipe, os.O_RDWR)
        self._jobs = ProcessJobs(f'{sys.executable} -c "{read}"')
        yield self._jobs
        self.end_all()

    def end_all(self) -> None:
        for process in self._jobs._running.values():
            process.kill()
            process.wait()
        os.close(self._end)
        self._end = os.open(self._pipe, os.O_RDWR)

    def test_a_command_that_is_not_there_is_told(self) -> None:
        with pytest.raises(Unavailable):
            ProcessJobs("/nowhere/galen").start("all")
        assert not ProcessJobs("").start("all")


class ServiceContract(JobsContract):
    """What holds of a place that is asked over HTTP."""

    service: JobService

    def end_all(self) -> None:
        self.service.end_all()

    def test_a_start_whose_answer_was_lost_is_asked_again_and_begins_one_run(self, jobs: Jobs) -> None:
        self.service.lose_next = True
        assert jobs.start("all")
        assert len(self.service.runs) == 1

    @pytest.mark.parametrize(
        ("status", "error"), [(429, Busy), (500, Unavailable), (403, Fault), (400, Fault)]
    )
    def test_a_refusal_is_told_by_its_kind(self, jobs: Jobs, status: int, error: type[Exception]) -> None:
        self.service.statuses = [status]
        with pytest.raises(error):
            jobs.start("all")
        assert not self.service.runs


class TestDatabricks(ServiceContract):
    @pytest.fixture
    def jobs(self) -> Iterator[Jobs]:
        self.service = Databricks()
        numbers = count(1)
        yield DatabricksJobs(self.service.url, lambda: TOKEN, lambda: f"key{next(numbers)}")
        self.service.close()

    def test_a_job_that_the_workspace_does_not_have_is_named(self, jobs: Jobs) -> None:
        with pytest.raises(Fault, match="galen-lunch"):
            jobs.start("lunch")

    def test_a_token_that_does_not_hold_is_told(self, jobs: Jobs) -> None:
        with pytest.raises(Fault, match="refuses this identity"):
            DatabricksJobs(self.service.url, lambda: "other", lambda: "k").start("all")


class TestEmrServerless(ServiceContract):
    @pytest.fixture
    def jobs(self) -> Iterator[Jobs]:
        self.service = EmrServerless()
        yield self._jobs(Credentials(*KEY))
        self.service.close()

    def _jobs(self, credentials: Credentials) -> Jobs:
        numbers = count(1)
        place = EmrPlace(
            REGION, APPLICATION, ROLE, "s3://code/spark_job.py", "s3a://lake",
            parameters="--py-files s3://code/galen.zip", endpoint=self.service.url,
        )  # fmt: skip
        return EmrServerlessJobs(place, lambda: credentials, MemoryClock(NOW), lambda: f"key{next(numbers)}")

    def test_a_run_has_the_job_its_lake_and_what_spark_submit_needs(self, jobs: Jobs) -> None:
        jobs.start("all")
        (run,) = self.service.runs
        assert run["details"]["jobDriver"]["sparkSubmit"] == {
            "entryPoint": "s3://code/spark_job.py",
            "entryPointArguments": ["all", "--lake", "s3a://lake"],
            "sparkSubmitParameters": "--py-files s3://code/galen.zip",
        }

    def test_a_job_on_a_later_page_is_seen(self, jobs: Jobs) -> None:
        for name in ("a", "b", "c", "all"):
            self.service.begun(f"galen-{name}", name, {})
        assert not jobs.start("all")

    def test_a_wrong_key_is_refused(self, jobs: Jobs) -> None:
        with pytest.raises(Fault, match="refuses this identity"):
            self._jobs(Credentials(KEY[0], "other", KEY[2])).start("all")


def test_the_signature_is_the_one_that_aws_publishes() -> None:
    # `get-vanilla` and `get-vanilla-query-order-key-case` of AWS's test suite for signature version 4.
    credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    at = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
    for query, wanted in (
        ("", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("?Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
    ):
        url = f"https://example.amazonaws.com/{query}"
        headers = signed_headers("GET", url, b"", at, credentials, "us-east-1", "service")
        assert headers["Authorization"].endswith(f"SignedHeaders=host;x-amz-date, Signature={wanted}")


def test_credentials_come_from_the_environment_or_are_asked_for() -> None:
    found = of_environment({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c"})
    assert found == Credentials("a", "b", "c")
    assert "b" not in repr(found).removeprefix("Credentials(access_key='a'")
    with pytest.raises(Fault, match="AWS_ACCESS_KEY_ID"):
        of_environment({})
