"""Adverse event reports from files instead of made up ones: answers of openFDA's API, or a report a document or line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from local.delivery.sources import documents
from local.exits import USAGE, CommandStopped
from local.generate.event import Event


def reports_in(paths: Iterable[Path]) -> Iterator[Event]:
    """Each report once, in the order of the files. Raises CommandStopped for what cannot be read, or is no JSON."""
    for document in documents(paths):
        try:
            value = json.loads(document.body)
        except ValueError:
            raise CommandStopped(f"{document.name} is not JSON", USAGE) from None
        for report in _reports(value):
            number = report.get("safetyreportid") if isinstance(report, dict) else None
            yield Event(json.dumps(report, ensure_ascii=False).encode(), str(number))


def _reports(value: Any) -> list[Any]:
    """The results of an answer of openFDA, the items of a list, or the one report that a document is."""
    if isinstance(value, dict) and isinstance(value.get("results"), list):
        return list(value["results"])
    return value if isinstance(value, list) else [value]
