"""Alerts as they are kept, listed and acknowledged."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.access.caller import Caller
from shared.domain.alerts.episodes import LAPSED, LAPSES_AFTER, Alert
from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text, parse_instant
from shared.domain.fhir.identity import HOME_LENGTH, is_minted
from shared.domain.records import Item, Kind
from shared.domain.scores.advance import acknowledge
from shared.domain.scores.changes import SUPERSEDED
from shared.errors import Busy, InputError, NotFound
from shared.ports.clock import Clock
from shared.ports.records import BatchRefused, Compare, Query, Records, Replace
from shared.services.vitals_state import decode_state, state_id, state_item

OVERLAP: Final = timedelta(seconds=5)
"""Two writers' clocks and commits may cross by this much: a reader looks back so far and drops what it has seen."""
_ATTEMPTS: Final = 20


@dataclass(frozen=True, slots=True)
class AlertsPage:
    """Alerts in the order they changed, and the cursor that continues after them."""

    alerts: list[dict[str, Any]]
    cursor: str


def alert_id(tenant: str, patient: str, home: str, key: str) -> str:
    """One id for one episode of one patient under one version of a rule."""
    return f"{home}-{hashlib.sha256(f'{tenant}|{patient}|{key}'.encode()).hexdigest()[:20]}"


def alert_item(
    tenant: str,
    home: str,
    patient: str,
    alert: Alert,
    at: datetime,
    *,
    newest: datetime,
    recorded: datetime,
    kind: str,
) -> Item:
    """The item of an alert that changed at `at`.

    Where the patient's newest reading was twelve hours old when it was recorded, the alert is kept as lapsed from the
    start: an import of old charts must not look like an emergency.
    """
    identity = alert_id(tenant, patient, home, alert.key)
    lapsed = alert.ended_at is None and recorded - newest > LAPSES_AFTER
    shown = {
        "id": identity,
        "patient": patient,
        "model": alert.model,
        "rule_version": alert.rule_version,
        "severity": alert.severity.value,
        "status": SUPERSEDED if kind == SUPERSEDED else "ended" if lapsed else alert.status,
        "total": alert.total,
        "trigger": f"Observation/{alert.trigger}",
        "began_at": instant_text(alert.began_at),
        "escalated_at": _text(alert.escalated_at),
        "escalated_total": alert.escalated_total,
        "ended_at": _text(newest + LAPSES_AFTER if lapsed else alert.ended_at),
        "ending": LAPSED if lapsed else alert.ending,
        "acknowledged_by": alert.acknowledged_by,
        "acknowledged_at": _text(alert.acknowledged_at),
    }
    head = {
        "id": f"alert.{identity}",
        "tenant": tenant,
        "home": home,
        "kind": Kind.ALERT.value,
        "key": alert.key,
    }
    return {
        **head,
        "at": instant_text(at),
        "alert": {name: value for name, value in shown.items() if value is not None},
    }


def _text(at: datetime | None) -> str | None:
    return instant_text(at) if at else None


def _shown(item: Item) -> dict[str, Any]:
    return {**item["alert"], "changed_at": item["at"]}


class Alerts:
    """The alerts of all tenants, each tenant seeing its own."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    def since(self, tenant: str, cursor: str | None, limit: int) -> AlertsPage:
        """Alerts that changed after a cursor (or an instant, or ever), oldest change first. Raises InputError."""
        at, seen = _parse_cursor(cursor)
        floor = instant_text(at - OVERLAP) if at else ""
        where = (Compare("at", ">", floor),) if floor else ()
        query = Query(Kind.ALERT, tenant, None, where, order_by="at", limit=limit + len(seen))
        found = [item for item in self._records.query(query) if _mark(item) not in seen][:limit]
        newest = max([item["at"] for item in found] + ([instant_text(at)] if at else []), default="")
        if not newest:
            return AlertsPage([], "")
        horizon = parse_instant(newest)
        assert horizon is not None
        recent = {_mark(item): item["at"] for item in found if item["at"] > instant_text(horizon - OVERLAP)}
        kept = {mark: when for mark, when in seen.items() if when > instant_text(horizon - OVERLAP)}
        return AlertsPage([_shown(item) for item in found], _cursor(newest, {**kept, **recent}))

    def acknowledge(self, caller: Caller, identity: str) -> dict[str, Any]:
        """The alert, acknowledged by the caller's client; the first acknowledgement stands. Raises NotFound."""
        if not is_minted(identity):
            raise NotFound("No alert of this id.")
        home = identity[:HOME_LENGTH]
        for _ in range(_ATTEMPTS):
            found = self._records.read(caller.tenant, home, f"alert.{identity}")
            if found is None:
                raise NotFound("No alert of this id.")
            if "acknowledged_at" in found["alert"]:
                return _shown(found)
            writes = self._acknowledged(caller, found)
            try:
                self._records.commit(caller.tenant, home, writes)
            except BatchRefused:
                continue
            return _shown(writes[0].item)
        raise Busy

    def _acknowledged(self, caller: Caller, found: Item) -> list[Replace]:
        """The alert with its acknowledgement, and the patient's state that keeps it through later readings."""
        now = self._clock.now()
        mark = {"acknowledged_by": caller.client, "acknowledged_at": instant_text(now)}
        plain = {k: v for k, v in found.items() if k != "_etag"}
        alert = {**plain, "at": instant_text(now), "alert": {**found["alert"], **mark}}
        writes = [Replace(alert, found["_etag"])]
        patient = found["alert"]["patient"]
        state = self._records.read(caller.tenant, found["home"], state_id(patient))
        if state is not None:
            after, changes = acknowledge(decode_state(state), found["key"], by=caller.client, at=now)
            if changes.alerts:
                writes.append(
                    Replace(state_item(caller.tenant, found["home"], patient, after), state["_etag"])
                )
        return writes


def _mark(item: Item) -> str:
    return hashlib.sha256(f"{item['id']}|{item['at']}".encode()).hexdigest()[:12]


def _cursor(at: str, seen: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.encode({"at": at, "seen": seen}).encode()).decode().rstrip("=")


def _parse_cursor(cursor: str | None) -> tuple[datetime | None, dict[str, str]]:
    if not cursor:
        return None, {}
    instant = parse_instant(cursor)
    if instant is not None:
        return instant, {}
    try:
        fields = json.decode_object(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        instant, seen = parse_instant(fields["at"]), dict(fields["seen"])
    except (InputError, KeyError, TypeError, ValueError, binascii.Error):
        instant, seen = None, {}
    if instant is None:
        raise InputError(
            "since must be an instant such as 2026-01-31T08:00:00Z, or a cursor this server gave."
        )
    return instant, seen
