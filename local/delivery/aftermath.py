"""What the platform made of a delivery afterwards: raw lines landed, scores, alerts."""

from __future__ import annotations

import time
from typing import Any, Final

from local.delivery.account import Account
from local.delivery.target import Target
from shared.domain.records import Door
from shared.names import RawZone, Zone

QUIET_S: Final = 1.0
AT_MOST_S: Final = 20.0
_STREAMS_AND_FILES: Final = (RawZone.PATIENT_RECORDS, RawZone.VITAL_SIGNS)


def settle(
    target: Target, account: Account, since: str, *, at_most_s: float = AT_MOST_S
) -> list[dict[str, Any]]:
    """Wait until scores and alerts have stood still for a second, and fill them in; the alerts since then.

    Scores and alerts are those of the whole tenant since `since`: run one delivery at a time to tell them apart.
    """
    until = time.monotonic() + at_most_s
    before: tuple[int, int, int] | None = None
    still_since = time.monotonic()
    while True:
        alerts = alerts_since(target, since)
        account.scored = target.api.total("RiskAssessment", _lastUpdated=f"ge{since}")
        account.alerts = len(alerts)
        account.landed = lines_since(target, account.door, since)
        now, seen = time.monotonic(), (account.scored, account.alerts, account.landed)
        if seen != before:
            before, still_since = seen, now
        if now - still_since >= QUIET_S or now > until:
            return alerts
        time.sleep(0.2)


def alerts_since(target: Target, since: str) -> list[dict[str, Any]]:
    """The alerts that changed since an instant, each once, as last seen."""
    found: dict[str, dict[str, Any]] = {}
    cursor = since
    while True:
        page = target.api.get("/alerts", {"since": cursor})
        for alert in page["alerts"]:
            if alert["changed_at"] >= since:
                found[alert["id"]] = alert
        if not page["alerts"] or page["cursor"] == cursor:
            return list(found.values())
        cursor = page["cursor"]


def lines_since(target: Target, door: str, since: str) -> int:
    """Raw lines landed since an instant: by HTTP one for each version, else one for each event or line of a file."""
    zones = (RawZone.COMMITS,) if door == Door.HTTP else _STREAMS_AND_FILES
    second = since[:19]  # a file's time has no fraction
    return sum(
        int(file.metadata.get("count", 0))
        for zone in zones
        for file in target.services.lake.list(f"{Zone.RAW}/{zone}")
        if file.modified_at[:19] >= second
    )
