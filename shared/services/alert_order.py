"""The order in which a tenant's alerts changed: one number a change, given in the same batch as the entry that shows it.

An alert is written beside its patient, and writes beside different patients have no order that a reader could follow:
clocks cross, and a commit may take long. So each change is told once more at one place a tenant, where a counter is
replaced by its etag in the batch that holds the numbered entries. Whoever has read up to a number has read everything
up to it. An alert has one entry, which moves to the end as the alert changes: a reader that comes late finds it as it
is now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from shared.domain.records import Item, Kind
from shared.errors import Busy
from shared.ports.records import BatchRefused, Compare, Create, Query, Records, Replace, Write

HOME: Final = "alerts"
_COUNTER: Final = "told"
_ATTEMPTS: Final = 30
REMEMBERED: Final = 10_000
"""Alerts that a process knows it has told of: each comes again by the change feed."""
_BATCH: Final = 90


class AlertOrder:
    """Tells of changes, and reads them in order."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._told: dict[tuple[str, str], str] = {}

    def tell(self, alerts: Iterable[Item]) -> None:
        """Give each alert item its place, if it has none yet: at least once is enough. Raises Busy and Unavailable."""
        tenants: dict[str, dict[str, Item]] = defaultdict(dict)
        for item in alerts:
            if self._told.get((item["tenant"], item["id"]), "") >= item["at"]:
                continue
            known = tenants[item["tenant"]].get(item["id"])
            if known is None or known["at"] < item["at"]:
                tenants[item["tenant"]][item["id"]] = item
        for tenant, items in tenants.items():
            changed = sorted(items.values(), key=lambda item: (item["at"], item["id"]))
            for start in range(0, len(changed), _BATCH):
                part = changed[start : start + _BATCH]
                self._tell(tenant, part)
                if len(self._told) > REMEMBERED:
                    self._told.clear()
                self._told.update(((tenant, item["id"]), item["at"]) for item in part)

    def _tell(self, tenant: str, alerts: Sequence[Item]) -> None:
        for _ in range(_ATTEMPTS):
            # The counter first: while its etag holds, nobody has told of anything since.
            counter = self._records.read(tenant, HOME, _COUNTER)
            untold, there = self._untold(tenant, alerts)
            if not untold:
                return
            last = int(counter["last"]) if counter else 0
            writes: list[Write] = []
            for number, alert in enumerate(untold, last + 1):
                entry = _entry(alert, number)
                known = there.get(entry["id"])
                writes.append(Replace(entry, known["_etag"]) if known else Create(entry))
            after = _item(tenant, _COUNTER) | {"last": last + len(untold)}
            writes.append(Replace(after, counter["_etag"]) if counter else Create(after))
            try:
                self._records.commit(tenant, HOME, writes)
            except BatchRefused:
                continue
            return
        raise Busy

    def _untold(self, tenant: str, alerts: Sequence[Item]) -> tuple[list[Item], dict[str, Item]]:
        there = self._records.read_many(tenant, HOME, [_entry_id(alert) for alert in alerts])
        untold = [
            alert
            for alert in alerts
            if (known := there.get(_entry_id(alert))) is None or known["at"] < alert["at"]
        ]
        return untold, there

    def after(self, tenant: str, number: int, instant: str, limit: int) -> list[Item]:
        """The entries behind a number that changed after an instant (empty: whenever), in order."""
        where: tuple[Compare, ...] = (Compare("seq", ">", _text(number)),)
        where += (Compare("at", ">", instant),) if instant else ()
        return list(self._records.query(Query(Kind.TOLD, tenant, HOME, where, order_by="seq", limit=limit)))


def _item(tenant: str, id_: str) -> Item:
    return {"id": id_, "tenant": tenant, "home": HOME, "kind": Kind.TOLD.value}


def _entry_id(alert: Item) -> str:
    return f"{_COUNTER}.{alert['id']}"


def _entry(alert: Item, number: int) -> dict[str, Any]:
    told = {"seq": _text(number), "at": alert["at"], "alert": alert["alert"]}
    return _item(alert["tenant"], _entry_id(alert)) | told


def _text(number: int) -> str:
    """Sortable as text, as every sort key of the store."""
    return f"{number:020d}"
