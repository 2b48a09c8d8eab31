"""Rejected by the indexer: `Optional[...]` on a binding."""

from typing import Optional

import azure.functions as func

app = func.FunctionApp()


@app.route(route="x")
def f(req: Optional[func.HttpRequest]) -> str:
    return ""
