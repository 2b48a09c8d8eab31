"""How a score reaches the records: a RiskAssessment with its history, in as many attempts as other writers make needed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import ResourceKey
from shared.domain.records import (
    Door,
    Item,
    Provenance,
    as_history,
    resource_item,
    source_version,
)
from shared.ports.records import Create, Replace

ATTEMPTS: Final = 30
"""Each reads anew what another writer changed; after the last the change feed brings the patient again."""
PARALLEL_PATIENTS: Final = 4


def assessment_item(tenant: str, home: str, resource: dict[str, Any], now: datetime) -> Item:
    """The item of a RiskAssessment that is made at `now`; its id is the resource's."""
    at = instant_text(now)
    origin = Provenance(Door.SCORE, source_version(at, "score", 0), at)
    return resource_item(tenant, home, resource, ResourceKey("RiskAssessment", resource["id"]), origin)


def versioned(item: Item, there: Item | None) -> list[Create | Replace]:
    """The writes that put an item in the place of what is there; none where the content is the same."""
    if there is None:
        return [Create(item)]
    if there["hash"] == item["hash"]:
        return []
    return [Create(as_history(there)), Replace(item, there["_etag"])]
