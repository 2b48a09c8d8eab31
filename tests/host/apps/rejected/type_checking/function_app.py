"""Rejected by the indexer: an annotation imported for type checking only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import azure.functions as func

if TYPE_CHECKING:
    from collections.abc import Mapping

app = func.FunctionApp()


@app.route(route="x")
def f(req: func.HttpRequest) -> Mapping[str, str]:
    return {}
