"""How scores reach the records: RiskAssessments with their history, in as many attempts as other writers make needed.

What is to be written for a patient is planned first, so that what follows from one reading by several rules is written in
one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import (
    Door,
    Item,
    Provenance,
    as_history,
    resource_item,
    source_version,
)
from shared.errors import Busy, Unavailable
from shared.ports.records import BatchRefused, Create, Records, Replace, Write
from shared.services.alert_order import AlertOrder
from shared.services.patient_news import Whose

ATTEMPTS: Final = 30
"""Each reads anew what another writer changed; after the last the change feed brings the patient again."""
PARALLEL_PATIENTS: Final = 8
MOST_FAILURES: Final = 8
"""Patients of a page after whom no more are tried."""

News = TypeVar("News")


class Outdated(Exception):
    """What a plan was to rest on is another one by now, or an answer was lost: plan anew."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What has to be written for one patient; `settled` takes the new etags and answers the alerts as written.

    Those are None where nothing was scored. What is counted is counted by `settled`: a plan may be made more than once.
    """

    writes: Sequence[Write]
    settled: Callable[[Sequence[str]], list[Item] | None]


def committed(
    records: Records,
    tenant: str,
    home: str,
    plan: Callable[[bool], Planned | None],
    forget: Callable[[], None],
) -> list[Item] | None:
    """The alerts of what was planned and written; None where nothing had to be. Raises Busy and Unavailable.

    `plan` hears whether an earlier attempt may have written something, and `forget` that what is remembered may be old.
    """
    for attempt in range(ATTEMPTS):
        try:
            planned = plan(attempt > 0)
        except Outdated:
            forget()
            continue
        if planned is None:
            return None
        try:
            etags = records.commit(tenant, home, planned.writes) if planned.writes else []
        except (BatchRefused, Unavailable):
            forget()
            continue
        return planned.settled(etags)
    raise Busy


def side_by_side(
    pool: Executor,
    order: AlertOrder,
    work: Callable[[Whose, News], list[Item] | None],
    news: Mapping[Whose, News],
) -> tuple[list[list[Item] | None], Exception | None]:
    """What `work` made of each patient's news, in no order, and what failed first: threads that each take the next patient.

    The alerts that changed are told of while the others are worked on, whoever failed. Who fails keeps nobody else waiting,
    however often the same are tried; where several do, it is the store.
    """
    waiting = iter(list(news.items()))  # each takes from it under the interpreter lock
    made: list[list[Item] | None] = []
    failures: list[Exception] = []
    changed: SimpleQueue[list[Item] | None] = SimpleQueue()

    def one_after_another() -> None:
        try:
            for each in waiting:
                if len(failures) >= MOST_FAILURES:
                    return
                try:
                    alerts = work(*each)
                except Exception as failure:  # noqa: BLE001 - it is the caller's to judge, when all have ended
                    failures.append(failure)
                else:
                    made.append(alerts)
                    if alerts:
                        changed.put(alerts)
        finally:
            changed.put(None)

    threads = min(PARALLEL_PATIENTS, len(news))
    if threads == 1:
        one_after_another()
        _tell(order, changed, threads)
    else:
        working = [pool.submit(one_after_another) for _ in range(threads)]
        _tell(order, changed, threads)
        for each in working:
            each.result()  # whoever was ended, not refused, leaves patients behind: the page comes again
    return made, failures[0] if failures else None


def _tell(order: AlertOrder, changed: SimpleQueue[list[Item] | None], threads: int) -> None:
    """Tell of what changes, as much at a time as has come, until each of the threads has said None.

    What is not told because the store is busy or away comes again by the change feed. Any other failure is raised when all
    threads have ended.
    """
    failure: Exception | None = None
    while threads:
        come = [changed.get()]
        while not changed.empty():
            come.append(changed.get())
        threads -= come.count(None)
        if failure is None:
            try:
                order.tell(alert for alerts in come for alert in alerts or ())
            except Exception as met:  # noqa: BLE001 - nobody goes on working behind the caller's back
                failure = met
    if failure is not None and not isinstance(failure, (Busy, Unavailable)):
        raise failure


def assessment_item(tenant: str, home: str, resource: dict[str, Any], now: datetime) -> Item:
    """The item of a RiskAssessment that is made at `now`; its id is the resource's."""
    at = instant_text(now)
    origin = Provenance(Door.SCORE, source_version(at, "score", 0), at)
    return resource_item(tenant, home, resource, ResourceKey("RiskAssessment", resource["id"]), origin)


def versioned(item: Item, there: Item | None) -> list[Create | Replace]:
    """The writes that put an item in the place of what is there; none where the content is the same."""
    if there is None:
        return [Create(item)]
    if there["hash"] == item["hash"]:
        return []
    return [Create(as_history(there)), Replace(item, there["_etag"])]
