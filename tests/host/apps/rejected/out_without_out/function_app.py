"""Rejected by the indexer: an output that is not annotated Out."""

import azure.functions as func

app = func.FunctionApp()


@app.route(route="x")
@app.queue_output(arg_name="out", queue_name="q", connection="C")
def f(req: func.HttpRequest, out: str) -> str:
    return ""
