"""Looks at a platform from outside and says whether what was sent is there.

    python -I tests/e2e/verifier MANIFEST [OTHER …]

A program of its own: the standard library only, no line in common with the platform. It reads the public API and the
lake's files until there is nothing more to find or the time is over, prints one JSON object with counts and findings,
and ends with 0 if there are none. What it saw is then judged by each other manifest too, in a line each.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from alerts import check_alerts
from api import Api
from lake import check_lake
from records import Snapshot, check_records

SETTLE_WITHIN_S = 240.0


def main(manifest_path: str, *others: str) -> int:
    """The exit code, by the first manifest."""
    manifest = _read(manifest_path)
    started = time.monotonic()
    while time.monotonic() - started < SETTLE_WITHIN_S and not _has_as_many(manifest):
        time.sleep(1)
    while True:
        try:
            snapshot = Snapshot.of(manifest)
            findings = _findings(manifest, snapshot)
        except OSError as failure:
            snapshot, findings = None, [f"the platform does not answer: {failure}"]
        took_s = time.monotonic() - started
        if not findings or took_s > SETTLE_WITHIN_S:
            break
        time.sleep(2)
    report = {
        "settled_after_s": round(took_s, 1),
        "resources_sent": len(manifest["resources"]),
        "resources_seen": snapshot.count if snapshot else 0,
        "readings": len(manifest["readings"]),
        **_summary(findings),
    }
    print(json.dumps(report))
    for other in others if snapshot else ():
        print(json.dumps(_summary(_findings(_read(other), snapshot))))
    return 1 if findings else 0


def _read(path: str) -> Any:
    return json.loads(Path(path).read_text("utf-8"))


def _findings(manifest: Any, snapshot: Snapshot) -> list[str]:
    return check_records(manifest, snapshot) + check_lake(manifest, snapshot) + check_alerts(manifest)


def _summary(findings: list[str]) -> dict[str, Any]:
    return {"findings": len(findings), "first": findings[:40]}


def _has_as_many(manifest: Any) -> bool:
    """Whether there are as many resources as were sent, which costs the platform less to say than to show them."""
    types = sorted({each["type"] for each in manifest["resources"].values()} | {"Observation"})
    api = Api(manifest["url"], manifest["token"])
    try:
        found = sum(int(api.get(f"/fhir/{type_}?_summary=count")["total"]) for type_ in types)
    except OSError:
        return False
    return found >= len(manifest["resources"]) + len(manifest["readings"])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
