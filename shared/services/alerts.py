"""Alerts as they are kept, listed and acknowledged."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.access.caller import Caller
from shared.domain.alerts.episodes import LAPSED, LAPSES_AFTER, Alert, alert_key, to_us
from shared.domain.fhir.dates import instant_text, parse_instant
from shared.domain.fhir.identity import HOME_LENGTH, is_minted
from shared.domain.records import Item, Kind
from shared.domain.scores import RULES
from shared.domain.scores.advance import acknowledge, last_breach
from shared.domain.scores.changes import SUPERSEDED
from shared.errors import Busy, InputError, NotFound, Unavailable
from shared.ports.clock import Clock
from shared.ports.records import BatchRefused, Records, Replace
from shared.services.alert_order import AlertOrder
from shared.services.vitals_state import decode_state, state_id, state_item

_ATTEMPTS: Final = 20
_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_FOLDED: Final = frozenset(rule.model for rule in RULES)
"""What is scored by each reading and not by the clock."""
_TICK: Final = timedelta(microseconds=1)


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


def changed_at(now: datetime, there: Item | None) -> str:
    """When an alert changes now: later than its change before, whatever the clocks of two processes say."""
    before = parse_instant(there["at"]) if there else None
    return instant_text(max(now, before + _TICK) if before else now)


def _text(at: datetime | None) -> str | None:
    return instant_text(at) if at else None


class Alerts:
    """The alerts of all tenants, each tenant seeing its own."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock
        self._order = AlertOrder(records)

    def since(self, tenant: str, cursor: str | None, limit: int) -> AlertsPage:
        """Alerts that changed after a cursor (or an instant, or ever), in the order of their changes. Raises InputError.

        Whoever goes on from the cursor misses no alert, and meets one again only where it has changed again.
        """
        number, instant = _parse_cursor(cursor)
        found = self._order.after(tenant, number, instant, limit)
        last = str(int(found[-1]["seq"])) if found else cursor or "0"
        return AlertsPage([self._shown(item) for item in found], last)

    def _shown(self, item: Item) -> dict[str, Any]:
        """The alert as it is now: silence ends an episode too, and nothing is written when it does.

        What is written follows from readings alone, so that a rebuild finds the same.
        """
        alert = {**item["alert"], "changed_at": item["at"]}
        if alert.get("status") != "active" or alert.get("model") not in _FOLDED:
            return alert
        now, began = self._clock.now(), parse_instant(alert["began_at"])
        if began is None or now - began < LAPSES_AFTER:
            return alert
        state = self._records.read(item["tenant"], alert["id"][:HOME_LENGTH], state_id(alert["patient"]))
        key = alert_key(alert["rule_version"], to_us(began))
        breach = last_breach(decode_state(state), key) if state else None
        if breach is None or now - breach < LAPSES_AFTER:
            return alert
        return alert | {"status": "ended", "ended_at": instant_text(breach + LAPSES_AFTER), "ending": LAPSED}

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
                return self._shown(found)
            writes = self._acknowledged(caller, found)
            try:
                self._records.commit(caller.tenant, home, writes)
            except BatchRefused:
                continue
            with suppress(Busy, Unavailable):  # the change feed tells of it as well
                self._order.tell([writes[0].item])
            return self._shown(writes[0].item)
        raise Busy

    def _acknowledged(self, caller: Caller, found: Item) -> list[Replace]:
        """The alert with its acknowledgement, and the patient's state that keeps it through later readings."""
        now = self._clock.now()
        mark = {"acknowledged_by": caller.client, "acknowledged_at": instant_text(now)}
        plain = {k: v for k, v in found.items() if k != "_etag"}
        alert = {**plain, "at": changed_at(now, found), "alert": {**found["alert"], **mark}}
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


def _parse_cursor(cursor: str | None) -> tuple[int, str]:
    """The number behind which to go on, and the instant after which changes count."""
    if not cursor:
        return 0, ""
    if _NUMBER.fullmatch(cursor):
        return int(cursor), ""
    instant = parse_instant(cursor)
    if instant is None:
        raise InputError(
            "since, or Last-Event-ID, must be an instant such as 2026-01-31T08:00:00Z or a cursor this server gave."
        )
    return 0, instant_text(instant)
