"""What the expectations of each table were last met by, so that the next run judges what came since then.

The commit of the results names, for every table whose expectations were all met, the version that was judged. Of a table
in a folder the next run looks at the files that are new since that version; rows of other files stand in them as they did.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.names import EXPECTATIONS_UNMET
from spark.jobs.commits import TableLog
from spark.jobs.context import RunContext
from spark.quality.runner import Finding
from spark.quality.suites import Check
from spark.schemas.derived import QUALITY_RESULTS

JUDGED: Final = "judged"
"""In the metadata of a commit of the results."""
Mark = dict[str, Any]
"""`id` and `version` of the table that was judged, and `checks`, which tell other expectations apart."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a table is to be judged: the files in `new_files`, or all of it where that is None."""

    path: str
    checks: Sequence[Check]
    mark: Mark
    """What the commit of the results says when they are met."""
    new_files: frozenset[str] | None = None


def marks_of(context: RunContext, layer: str) -> dict[str, Mark]:
    """By table what the newest results of the layer say that was judged; nothing where all is to be judged anew."""
    log = TableLog(context.spark, context.lake.uri(QUALITY_RESULTS.path))
    if not context.by_files or not log.exists:
        return {}
    for commit in log.recent():
        said = json.loads(commit.metadata).get(JUDGED, {}) if commit.metadata else {}
        if layer in said:
            return dict(said[layer])
    return {}


def scope_of(context: RunContext, path: str, checks: Sequence[Check], before: Mark | None) -> Scope:
    """What is to be judged of the table, where `before` says what was."""
    uri = context.lake.uri(path)
    log = TableLog(context.spark, uri)
    told_apart = hashlib.sha256(repr(checks).encode()).hexdigest()[:16]
    mark = {"id": log.id, "version": log.version, "checks": told_apart}
    if before is None or before["id"] != mark["id"] or before["checks"] != told_apart:
        return Scope(path, checks, mark)
    return Scope(path, checks, mark, log.added_since(int(before["version"])))


def metadata_of(layer: str, met: Mapping[str, Mark], unmet: int) -> str:
    """The metadata of the commit of a layer's results; `unmet` are the critical expectations that failed."""
    return json.dumps({JUDGED: {layer: dict(met)}, EXPECTATIONS_UNMET: {layer: unmet}})


def all_met(findings: Sequence[Finding]) -> bool:
    """Whether nothing was found: a table with a warning is judged again, so that it is said again."""
    return all(each.success for each in findings)
