"""Rejected by the indexer: a binding without a parameter."""

import azure.functions as func

app = func.FunctionApp()


@app.route(route="x")
def f() -> str:
    return ""
