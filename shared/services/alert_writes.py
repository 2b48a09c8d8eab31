"""The writes that bring a patient's alerts of one rule to where its episodes are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.alerts.episodes import Episode, alert_of
from shared.domain.records import Item
from shared.domain.scores.changes import CREATED
from shared.ports.meter import Meter
from shared.ports.records import Create, Records, Replace, Write
from shared.services.alerts import alert_item, changed_at
from shared.services.patient_news import Whose

_OF_PEOPLE: Final = ("acknowledged_by", "acknowledged_at")


def alert_items(
    whose: Whose, model: str, rule: str, episodes: Sequence[Episode], now: datetime,
    *, newest: datetime, recorded: datetime,
) -> list[Item]:  # fmt: skip
    """The items of the alerts of these episodes."""
    return [
        alert_item(
            *whose, alert_of(each, model, rule, ()), now, newest=newest, recorded=recorded, kind=CREATED
        )
        for each in episodes
    ]


def alert_writes(records: Records, items: Sequence[Item], now: datetime) -> list[Create | Replace]:
    """What is new, and what says something else than is on record; an acknowledgement stays."""
    if not items:
        return []
    there = records.read_many(items[0]["tenant"], items[0]["home"], [item["id"] for item in items])
    writes: list[Create | Replace] = []
    for item in items:
        old = there.get(item["id"])
        if old is None:
            writes.append(Create(item))
        elif said(old) != said(item):
            writes.append(Replace(still_acknowledged(item, old, now), old["_etag"]))
    return writes


def count_raised(meter: Meter, writes: Sequence[Write], delay: timedelta) -> None:
    """The alerts among what was written that had not been there, `delay` after what they follow from was recorded."""
    for write in writes:
        if isinstance(write, Create):
            meter.count("galen_alerts_total", change=CREATED, severity=write.item["alert"]["severity"])
            meter.observe("galen_alert_seconds", delay.total_seconds())


def still_acknowledged(item: Item, there: Item, now: datetime) -> Item:
    """With the acknowledgement that is on record, later than what it replaces."""
    kept = {name: there["alert"][name] for name in _OF_PEOPLE if name in there["alert"]}
    return {**item, "at": changed_at(now, there), "alert": {**item["alert"], **kept}}


def said(item: Item) -> dict[str, Any]:
    """What an alert says, whoever has seen it."""
    return {name: value for name, value in item["alert"].items() if name not in _OF_PEOPLE}
