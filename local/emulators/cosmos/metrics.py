"""The figures on a query that a client may ask for: what it read and returned, and which indexes served it.

https://learn.microsoft.com/azure/cosmos-db/nosql/query-metrics
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from .model import Container
from .reach import Reach
from .sql.queries import CompiledQuery


def of_query(
    headers: Mapping[str, str],
    container: Container,
    query: CompiledQuery,
    reach: Reach,
    rows: Sequence[bytes],
    taken_ms: float,
) -> dict[str, str]:
    """Returns the headers with the figures that were asked for."""
    told: dict[str, str] = {}
    if headers.get("x-ms-documentdb-populatequerymetrics", "").lower() == "true":
        told["x-ms-documentdb-query-metrics"] = _figures(query, reach, rows, taken_ms)
    if headers.get("x-ms-cosmos-populateindexmetrics", "").lower() == "true":
        text = json.dumps(_indexes(container, query), separators=(",", ":"))
        told["x-ms-cosmos-index-utilization"] = base64.b64encode(text.encode()).decode()
    return told


def _figures(query: CompiledQuery, reach: Reach, rows: Sequence[bytes], taken_ms: float) -> str:
    by_index = query.counts_only and query.simple and not query.conditions
    read = 0 if by_index else max(reach.size(), len(rows))
    size = sum(map(len, rows))
    shown: dict[str, str] = {
        "totalExecutionTimeInMs": f"{taken_ms:.2f}", "queryCompileTimeInMs": "0.00",
        "queryLogicalPlanBuildTimeInMs": "0.00", "queryPhysicalPlanBuildTimeInMs": "0.00",
        "queryOptimizationTimeInMs": "0.00", "VMExecutionTimeInMs": f"{taken_ms:.2f}", "indexLookupTimeInMs": "0.00",
        "documentLoadTimeInMs": "0.00", "systemFunctionExecuteTimeInMs": "0.00",
        "userFunctionExecuteTimeInMs": "0.00", "retrievedDocumentCount": str(read),
        "retrievedDocumentSize": str(0 if by_index else size), "outputDocumentCount": str(len(rows)),
        "outputDocumentSize": str(size), "writeOutputTimeInMs": "0.00", "indexUtilizationRatio": "1.00",
    }  # fmt: skip
    return ";".join(f"{name}={value}" for name, value in shown.items())


def _indexes(container: Container, query: CompiledQuery) -> dict[str, Any]:
    """Returns which single and composite indexes the filter and the order used."""
    key = "/".join(container.key_paths[0])
    single = [_index(f"/{key}/?", "")]
    for condition in query.conditions:
        specs = condition.node.specs() if condition.node else ()
        single += [
            _index("/" + "/".join(spec.path) + ("/[]/?" if spec.elements else "/?"), "") for spec in specs
        ]
    composite = []
    if len(query.order) > 1:
        paths = [
            "/" + "/".join(part.path or ()) + (" DESC" if part.descending else " ASC") for part in query.order
        ]
        composite = [{"IndexSpecs": paths, "IndexPreciseSet": True, "IndexImpactScore": "High"}]
    return {
        "UtilizedSingleIndexes": single, "PotentialSingleIndexes": [],
        "UtilizedCompositeIndexes": composite, "PotentialCompositeIndexes": [],
    }  # fmt: skip


def _index(path: str, expression: str) -> dict[str, Any]:
    return {
        "FilterExpression": expression, "IndexSpec": path, "FilterPreciseSet": True, "IndexPreciseSet": True,
        "IndexImpactScore": "High",
    }  # fmt: skip
