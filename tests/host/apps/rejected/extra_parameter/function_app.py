"""Rejected by the indexer: a parameter with a default that no binding names."""

import azure.functions as func

app = func.FunctionApp()


@app.route(route="x")
def f(req: func.HttpRequest, extra: int = 1) -> str:
    return ""
