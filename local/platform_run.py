"""One run of the platform: start in order, wait until every door works, feed the sample, serve, stop."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local import java
from local.banner import print_banner
from local.clouds import CLOUDS, Cloud
from local.data_folder import DataFolder, keep_private
from local.environment import say
from local.exits import USAGE, CommandStopped
from local.jobs import Job
from local.plan import new_state
from local.ports import get, is_free
from local.run_state import RUN_VARIABLE, RunState
from local.supervisor import Stopped, Supervisor, clear_leftovers
from shared.settings import AZURE, SettingsError, read_settings

_HEALTH_TIMEOUT_S = 120.0
_SPARK_DONE = "spark-done"


@contextlib.contextmanager
def platform_on(data: Path, port: int, *, fresh: bool = False, cloud: str = AZURE) -> Iterator[PlatformRun]:
    """A platform that holds `data`, clean of what a killed run left, and is ended on leaving.

    Raises CommandStopped where the folder or the port is not to be had.
    """
    keep_private()
    folder = DataFolder.hold(data)
    try:
        left = clear_leftovers(data)
        if left:
            say(f"the last run on {data} was killed: ended {left} processes that it left")
        if not is_free(port):
            raise CommandStopped(
                f"port {port} is in use: stop what listens there, or choose another with --port (and --data)",
                USAGE,
            )
        before = RunState.load(data)
        if fresh:
            folder.empty()
        parts = CLOUDS[cloud]
        if before is not None and before.settings.get("GALEN_CLOUD", AZURE) != cloud and not fresh:
            raise CommandStopped(f"{data} holds a platform of the other cloud: choose another --data", USAGE)
        ports = parts.ports(port, before)
        platform = PlatformRun(_checked(new_state(data, port), ports, parts), ports, parts)
        try:
            yield platform
        finally:
            platform.stop()
    finally:
        folder.release()


def _checked(state: RunState, ports: dict[str, int], parts: Cloud) -> RunState:
    """The state with its settings. Raises CommandStopped before anything starts where the app would refuse them."""
    state.settings = parts.settings(ports, state.data_folder)
    try:
        read_settings(state.settings)
    except SettingsError as wrong:
        raise CommandStopped(str(wrong), USAGE) from None
    state.save()
    return state


class PlatformRun:
    """The processes and tasks of one platform."""

    def __init__(self, state: RunState, ports: dict[str, int], parts: Cloud) -> None:
        self._state = state
        self._ports = ports
        self._parts = parts
        self._supervisor = Supervisor(state, say, state.settings)
        self._jobs: list[Job] = []

    def run(self, *, feed: bool, spark: bool) -> None:
        """Starts everything and serves until a signal to stop arrives."""
        started = time.monotonic()
        with contextlib.suppress(Stopped):
            self._start()
            print_banner(self._state, self._functions())
            say(f"ready after {time.monotonic() - started:.1f} s")
            if feed:
                self._feed()
            if spark and self._parts.has_tables:
                self._start_spark()
            say(f"serving on {self._state.url} until Ctrl-C")
            self._serve()

    def stop(self) -> None:
        """Ends tasks, then workers, then emulators."""
        say("stopping")
        for job in self._jobs:
            job.end()
        self._supervisor.stop()

    def _start(self) -> None:
        say("starting the emulators")
        self._supervisor.start(self._parts.emulators(self._ports, self._state.data_folder))
        self._supervisor.wait_until(self._supervisor.all_answer, "an emulator")
        self._finish(self._job("provision", self._parts.provision), "the stores could not be provisioned")
        say("starting the functions host")
        self._supervisor.start(self._parts.workers(self._ports, self._state.data_folder))
        self._supervisor.wait_until(self._supervisor.all_answer, "a worker of the functions host")
        self._supervisor.wait_until(self._is_healthy, f"{self._state.url}/health", _HEALTH_TIMEOUT_S)
        self._state.state = "serving"
        self._supervisor.record()

    def _feed(self) -> None:
        if importlib.util.find_spec("local.demo") is None:
            return
        job = self._job("feed", "local.feed_sample", visible=True)
        if self._exit_code_of(job):
            say("the sample was not fed completely: what went wrong stands above; the platform serves")

    def _start_spark(self) -> None:
        if (self._state.data_folder / _SPARK_DONE).exists() or importlib.util.find_spec(
            "local.cli.spark"
        ) is None:
            return
        if java.find_java() is None:
            job = self._job("spark", "local", "tables", "--data", self._state.data)
            say(
                f"no Java 17 was found: the silver tables are built without Spark, the log is {job.log}; "
                f"for the rest {java.WHAT_TO_DO}"
            )
            return
        job = self._job("spark", "local", "spark", "all", "--data", self._state.data)
        say(f"the Spark jobs run in the background; their log is {job.log}")

    def _serve(self) -> None:
        while True:
            self._supervisor.tend()
            for job in [job for job in self._jobs if job.exit_code() is not None]:
                self._jobs.remove(job)
                if job.exit_code() == 0:
                    (self._state.data_folder / _SPARK_DONE).touch()
                    say(
                        f"the Spark jobs are done after {job.seconds:.0f} s: `python3 -m local status` shows the tables, "
                        "`python3 -m local report` draws what they measure"
                    )
                else:
                    say(f"the Spark jobs failed after {job.seconds:.0f} s: their log is {job.log}")
            self._supervisor.wait(1.0)

    def _job(self, name: str, module: str, *arguments: str, visible: bool = False) -> Job:
        log = None if visible else self._state.data_folder / "logs" / f"{name}.log"
        environment = {
            **self._state.settings,
            RUN_VARIABLE: self._state.run_id,
            "GALEN_RUN_DATA": self._state.data,
        }
        job = Job(name, module, arguments, environment, log)
        self._jobs.append(job)
        return job

    def _exit_code_of(self, job: Job) -> int:
        """Looks after the processes until the job has ended."""
        while (code := job.exit_code()) is None:
            self._supervisor.tend()
            self._supervisor.wait(0.2)
        self._jobs.remove(job)
        return code

    def _finish(self, job: Job, failure: str) -> None:
        if self._exit_code_of(job):
            assert job.log is not None
            raise CommandStopped(f"{failure}; {job.log} says:\n{job.log.read_text('utf-8')[-2000:]}")

    def _is_healthy(self) -> bool:
        try:
            return get(self._state.port, "/health")[0] == 200
        except OSError:
            return False

    def _functions(self) -> list[dict[str, Any]]:
        """Of all workers: each has those that it listens for."""
        ports = [self._ports[name] for name in self._parts.worker_names]
        return [function for port in ports for function in json.loads(get(port, "/admin/functions")[1])]
