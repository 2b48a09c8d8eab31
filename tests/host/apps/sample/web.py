"""HTTP functions: they answer with what they were handed, so that a test can compare it."""

import asyncio
import json
import os
import threading
from pathlib import Path

import azure.functions as func
from notes import note

web = func.Blueprint()


def seen(req: func.HttpRequest) -> str:
    """Everything the classic HTTP binding hands over, as JSON."""
    return json.dumps(
        {
            "method": req.method,
            "url": req.url,
            "params": dict(req.params),
            "route_params": dict(req.route_params),
            "headers": dict(req.headers),
            "body": req.get_body().decode("latin-1"),
        },
        sort_keys=True,
    )


@web.function_name("echo")
@web.route(route="echo/{part}/{number:int?}", methods=["GET", "POST", "PUT"])
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(seen(req), mimetype="application/json")


@web.function_name("sync_echo")
@web.route(route="sync/{*rest}", methods=["GET", "POST"])
def sync_echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    headers = {"x-function": context.function_name, "x-thread": threading.current_thread().name}
    return func.HttpResponse(seen(req), status_code=203, headers=headers, mimetype="application/json")


@web.function_name("text")
@web.route(route="text", methods=["GET"])
def text(req: func.HttpRequest) -> str:
    return "plain words"


@web.function_name("fails")
@web.route(route="fails", methods=["GET"])
def fails(req: func.HttpRequest) -> func.HttpResponse:
    raise RuntimeError("patient 4711 must not be in a log")


@web.function_name("slow")
@web.route(route="slow", methods=["GET"])
async def slow(req: func.HttpRequest) -> func.HttpResponse:
    note("slow")
    while not Path(os.environ["SAMPLE_SEEN"] + ".go").exists():
        await asyncio.sleep(0.02)
    return func.HttpResponse("done")


@web.function_name("cookies")
@web.route(route="cookies", methods=["GET"])
async def cookies(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse(b"\x00\x01", mimetype="application/octet-stream")
    response.headers.add("Set-Cookie", "a=1; Path=/; HttpOnly")
    response.headers.add("Set-Cookie", "b=2")
    return response
