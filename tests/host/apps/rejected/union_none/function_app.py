"""Rejected by the indexer: `X | None` on a binding."""

import azure.functions as func

app = func.FunctionApp()


@app.route(route="x")
def f(req: func.HttpRequest | None) -> str:
    return ""
