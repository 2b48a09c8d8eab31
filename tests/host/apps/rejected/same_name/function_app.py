"""Rejected by the indexer: two functions of one name."""

import azure.functions as func

app = func.FunctionApp()


@app.function_name("f")
@app.route(route="x")
def f(req: func.HttpRequest) -> str:
    return ""


@app.function_name("f")
@app.route(route="y")
def g(req: func.HttpRequest) -> str:
    return ""
