"""Accepted by the indexer: no annotations at all."""

import azure.functions as func

app = func.FunctionApp()


@app.route(route="x")
def f(req):
    return ""
