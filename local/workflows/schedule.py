"""What is scheduled together, and how each orchestrator writes how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from spark.jobs.graph import JOBS, MONTH, TRAINING, Job, plan

_HOUR: Final = 60
_DAY: Final = 24 * _HOUR
_MINUTE_OF_THE_HOUR: Final = 7
"""Not on the hour, when everybody's jobs begin."""
_HOUR_OF_THE_DAY: Final = 2


@dataclass(frozen=True, slots=True)
class Workflow:
    """Jobs that run together, each after those it names, every so many minutes. `name` is what a run is asked for by."""

    name: str
    every_minutes: int
    jobs: tuple[Job, ...]

    def before(self, job: Job) -> tuple[str, ...]:
        """The jobs of this workflow that `job` waits for, without those that another of them waits for already."""
        here = {each.name: each for each in self.jobs}
        named = [name for name in job.after if name in here]
        return tuple(
            name
            for name in named
            if not any(name in _all_before(here, other) for other in named if other != name)
        )


def _all_before(jobs: dict[str, Job], name: str) -> set[str]:
    direct = {before for before in jobs[name].after if before in jobs}
    return direct.union(*(_all_before(jobs, before) for before in direct))


def workflows() -> tuple[Workflow, ...]:
    """The run of all jobs, and one for each layer beside it that works on their tables; imports are started by hand."""
    beside = dict.fromkeys(job.layer for job in JOBS if not job.in_all and job.after)
    return tuple(
        Workflow(name, min(job.every_minutes for job in jobs), jobs)
        for name in ("all", *beside)
        if (jobs := plan(name))
    )


def retries(job: Job) -> int:
    """How often an orchestrator tries a job again by itself.

    Never one that trains: what a run left before it failed would be made twice, and one that was refused is refused again.
    """
    return 0 if job.layer == TRAINING else 2


def cron(every_minutes: int) -> str:
    """Five fields, in UTC; a month is its first day. Raises ValueError for another period that divides no hour or day."""
    if every_minutes == MONTH:
        return f"{_MINUTE_OF_THE_HOUR} {_HOUR_OF_THE_DAY} 1 * *"
    if every_minutes < _HOUR and _HOUR % every_minutes == 0:
        return f"*/{every_minutes} * * * *"
    if every_minutes == _HOUR:
        return f"{_MINUTE_OF_THE_HOUR} * * * *"
    if every_minutes == _DAY:
        return f"{_MINUTE_OF_THE_HOUR} {_HOUR_OF_THE_DAY} * * *"
    if every_minutes % _HOUR == 0 and _DAY % every_minutes == 0:
        return f"{_MINUTE_OF_THE_HOUR} */{every_minutes // _HOUR} * * *"
    raise ValueError(f"{every_minutes} minutes do not divide an hour or a day")


def quartz(every_minutes: int) -> str:
    """The same for Quartz, whose first field is the second, and in which one of the two kinds of day is `?`."""
    minute, hour, day, month, _ = cron(every_minutes).split()
    return f"0 {minute} {hour} {day} {month} ?"


def recurrence(every_minutes: int) -> dict[str, object]:
    """The same for Data Factory."""
    at: dict[str, object] = {"startTime": "2026-01-01T02:07:00Z", "timeZone": "UTC"}
    if every_minutes == MONTH:
        return {"frequency": "Month", "interval": 1, **at}
    if every_minutes % _DAY == 0:
        return {"frequency": "Day", "interval": every_minutes // _DAY, **at}
    if every_minutes % _HOUR == 0:
        return {"frequency": "Hour", "interval": every_minutes // _HOUR, **at}
    return {"frequency": "Minute", "interval": every_minutes, **at}
