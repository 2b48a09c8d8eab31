"""What inputs and forecasts looked like where a model was judged: drift in service is measured against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.domain.models.drift import Reference

_DECILES = np.linspace(0.1, 0.9, 9)


def references(columns: Mapping[str, NDArray[np.float64]], patients: int | None = None) -> dict[str, Any]:
    """By column the deciles of what is known, and the shares of the rows between them; NaN is missing.

    `patients`: how many the rows are of, where those of one patient are no independent ones.
    """
    found = {}
    for name, column in columns.items():
        there = column[~np.isnan(column)]
        edges = np.unique(np.quantile(there, _DECILES)).round(6).tolist() if len(there) else []
        reference = Reference.of(column.tolist(), edges)
        found[name] = {
            "edges": list(reference.edges),
            "shares": [round(share, 6) for share in reference.shares],
            "rows": patients or reference.rows,
        }
    return found
