"""How scores reach the records: RiskAssessments with their history, in as many attempts as other writers make needed.

What is to be written for a patient is planned first, so that what follows from one reading by several rules is written in
one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, wait
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
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
PARALLEL_PATIENTS: Final = 4
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
    """What `work` made of each patient's news, in no order, and what failed first: a few threads, each with its share.

    The alerts that changed are told of, whoever failed. Who fails keeps nobody else waiting, however often the same are
    tried; where several do, it is the store.
    """
    waiting = list(news.items())
    shares = [waiting[start::PARALLEL_PATIENTS] for start in range(min(PARALLEL_PATIENTS, len(waiting)))]
    made: list[list[Item] | None] = []
    failures: list[Exception] = []

    def share_of(share: Sequence[tuple[Whose, News]]) -> None:
        for each in share:
            if len(failures) >= MOST_FAILURES:
                return
            try:
                made.append(work(*each))
            except Exception as failure:  # noqa: BLE001 - it is the caller's to judge, when all have ended
                failures.append(failure)

    if len(shares) == 1:
        share_of(waiting)
    else:
        wait([pool.submit(share_of, share) for share in shares])
    with suppress(Busy, Unavailable):  # they come again by the change feed
        order.tell(alert for alerts in made for alert in alerts or ())
    return made, failures[0] if failures else None


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
