"""Device readings of the deteriorating patient, from the data file of offsets and values, relative to now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

_FILE: Final = Path(__file__).with_name("deterioration.json")
_UNITS: Final = {
    "respiratory_rate": "/min",
    "oxygen_saturation": "%",
    "systolic_blood_pressure": "mm[Hg]",
    "diastolic_blood_pressure": "mm[Hg]",
    "heart_rate": "/min",
    "body_temperature": "Cel",
}


@dataclass(frozen=True, slots=True)
class Row:
    """All vital signs at one time, and what they score."""

    minutes_before_now: int
    values: dict[str, Any]
    news2: int


def bundle_name() -> str:
    """Which bundle of the sample holds the patient who deteriorates."""
    return str(_content()["bundle"])


def rows() -> list[Row]:
    """The course, oldest first."""
    content = _content()
    named = [dict(zip(content["columns"], row, strict=True)) for row in content["rows"]]
    return [
        Row(
            row.pop("minutes_before_now"), {k: row[k] for k in row if k not in ("news2", "why")}, row["news2"]
        )
        for row in named
    ]


def readings(now: datetime) -> Iterator[bytes]:
    """The events of the hub `vital-signs`, one for each row."""
    content = _content()
    for row in rows():
        at = now - timedelta(minutes=row.minutes_before_now)
        event = {
            "device": content["device"],
            "patient": f"Patient/{content['patient']}",
            "effective": at.isoformat(timespec="milliseconds"),
            "readings": [_reading(metric, value) for metric, value in row.values.items()],
        }
        yield json.dumps(event).encode()


def _reading(metric: str, value: Any) -> dict[str, Any]:
    if metric == "supplemental_oxygen":
        return (
            {"metric": metric, "value": value}
            if value == "air"
            else {"metric": metric, "value": value, "unit": "L/min"}
        )
    unit = _UNITS.get(metric)
    return {"metric": metric, "value": value, **({"unit": unit} if unit else {})}


def _content() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(_FILE.read_text("utf-8"))
    return content
