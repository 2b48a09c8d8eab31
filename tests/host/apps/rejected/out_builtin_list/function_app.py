"""Rejected by the indexer: `Out[list[str]]` on an output."""

import azure.functions as func

app = func.FunctionApp()


@app.route(route="x")
@app.queue_output(arg_name="out", queue_name="q", connection="C")
def f(req: func.HttpRequest, out: func.Out[list[str]]) -> str:
    return ""
