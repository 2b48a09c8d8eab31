"""Rejected by the indexer: a context that is something else."""

import azure.functions as func

app = func.FunctionApp()


@app.route(route="x")
def f(req: func.HttpRequest, context: dict) -> str:
    return ""
