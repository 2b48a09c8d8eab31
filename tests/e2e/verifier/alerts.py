"""One alert for each patient who became ill, however often a part of the platform died."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import quote

from api import Api


def check_alerts(manifest: Any) -> list[str]:
    """One finding for each patient without exactly one NEWS2 alert."""
    if not manifest["ill"]:
        return []
    api = Api(manifest["url"], manifest["token"])
    raised: dict[str, Any] = {}
    cursor = ""
    while True:
        page = api.get(f"/alerts?since={quote(cursor)}" if cursor else "/alerts")
        if not page["alerts"]:
            break
        raised |= {alert["id"]: alert for alert in page["alerts"]}
        cursor = page["cursor"]
    living = [
        alert for alert in raised.values() if alert["model"] == "news2" and alert["status"] != "superseded"
    ]
    by_patient = Counter(alert["patient"] for alert in living)
    findings = [f"{number} alerts for one patient" for number in by_patient.values() if number != 1]
    if len(by_patient) != len(manifest["ill"]):
        findings.append(f"{len(by_patient)} patients have an alert, {len(manifest['ill'])} became ill")
    return findings
