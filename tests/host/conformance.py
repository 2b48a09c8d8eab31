"""Indexes and invokes apps with one engine and prints what came out as JSON: run by the tests in a process of its own.

`python tests/host/conformance.py ENGINE index|invoke|reject FOLDER`, so that the very same calls go through
`azure-functions` on any interpreter and through `azure-functions-runtime` on Python 3.13.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local.host.engine import (
    AppRejected,
    Collection,
    Datum,
    Engine,
    FunctionDefinition,
    Invocation,
    Outcome,
    choose_engine,
)
from local.host.http_trigger import answer_of
from local.host.timers import timer_datum

SYSTEM_PROPERTIES: list[dict[str, Any]] = [
    {
        "EnqueuedTimeUtc": "2026-01-02T03:04:05.678Z",
        "PartitionKey": "a",
        "SequenceNumber": 5,
        "Offset": "128",
    },
    {"EnqueuedTimeUtc": "2026-01-02T03:04:06Z", "PartitionKey": None, "SequenceNumber": 6, "Offset": "256"},
]


def http_data(method: str, query: Mapping[str, str], parameters: Mapping[str, str], body: bytes) -> Datum:
    def strings(values: Mapping[str, str]) -> dict[str, Datum]:
        return {name: Datum(value, "string") for name, value in values.items()}

    return Datum(
        {
            "method": Datum(method, "string"),
            "url": Datum("http://localhost:7071/api/x?a=1", "string"),
            "headers": strings({"accept": "application/fhir+json"}),
            "params": strings(parameters),
            "query": strings(query),
            "body": Datum(body, "bytes"),
        },
        "http",
    )


def events_metadata(properties: Sequence[Mapping[str, Any]]) -> dict[str, Datum]:
    return {
        "SystemPropertiesArray": Datum(json.dumps(properties), "json"),
        "PartitionContext": Datum('{"PartitionId": "3"}', "json"),
    }


def golden_calls() -> list[tuple[str, str, Datum, Mapping[str, Datum]]]:
    """Label, function, data and metadata of every golden invocation."""
    two = Datum(Collection(bytes_=[b"first", b"\xff\x00"]), "collection_bytes")
    one = Datum(Collection(bytes_=[b"raise"]), "collection_bytes")
    odd = [{**SYSTEM_PROPERTIES[0], "Offset": "1:128:9"}]
    event: dict[str, Any] = {
        "id": "1",
        "subject": "a",
        "eventType": "t",
        "eventTime": "2026-01-02T03:04:05Z",
        "data": {},
    }
    cloud = {"specversion": "1.0", "id": "2", "source": "/s", "type": "t", "subject": "b", "data": {"x": 1}}
    blob = {
        "BlobTrigger": Datum("landing/t/x.ndjson", "string"),
        "Uri": Datum("http://lake/landing/t/x.ndjson", "string"),
        "Properties": Datum('{"ContentLength": 3}', "json"),
        "Metadata": Datum("{}", "json"),
    }
    documents = Datum('[{"id": "1", "n": 1.5}, {"id": "2", "deep": {"a": [null, true]}}]', "json")
    return [
        ("async http", "echo", http_data("POST", {"a": "1,2"}, {"part": "p", "number": "7"}, b'{"x":1}'), {}),
        ("sync http", "sync_echo", http_data("GET", {}, {"rest": "a/b"}, b""), {}),
        ("http text", "text", http_data("GET", {}, {}, b""), {}),
        ("http cookies and bytes", "cookies", http_data("GET", {}, {}, b""), {}),
        ("http exception", "fails", http_data("GET", {}, {}, b""), {}),
        ("events", "vitals", two, events_metadata(SYSTEM_PROPERTIES)),
        ("events, exception", "vitals", one, events_metadata(SYSTEM_PROPERTIES[:1])),
        ("events, numbers do not match", "vitals", one, events_metadata(SYSTEM_PROPERTIES)),
        ("events, offset not a number", "vitals", one, events_metadata(odd)),
        ("documents", "changes", documents, {}),
        ("documents, not JSON", "changes", Datum("[", "json"), {}),
        ("blob", "dropped", Datum(b"abc", "bytes"), blob),
        ("timer", "nightly", timer_datum(past_due=True, status=None), {}),
        ("event grid schema", "notified", Datum(json.dumps(event), "json"), {}),
        ("cloud event", "notified", Datum(json.dumps(cloud), "json"), {}),
        ("output", "copies", Datum(json.dumps(event), "json"), {}),
        ("output, exception", "copies", Datum(json.dumps({**event, "subject": "raise"}), "json"), {}),
    ]


def described(outcome: Outcome) -> dict[str, Any]:
    if not outcome.succeeded:
        return {"failed": True, "outputs": [list(output) for output in outcome.outputs]}
    outputs = [[name, datum.type, str(datum.value)] for name, datum in outcome.outputs]
    if outcome.returned is None:
        return {"outputs": outputs}
    status, headers, body = answer_of(outcome)
    shown = sorted([name.decode().lower(), value.decode()] for name, value in headers)
    answer = {"status": status, "headers": [pair for pair in shown if pair[0] != "x-thread"]}
    return {"answer": {**answer, "body": body.decode("latin-1")}, "outputs": outputs}


async def invoke_all(
    engine: Engine, functions: Mapping[str, FunctionDefinition], seen: Path
) -> list[dict[str, Any]]:
    found = []
    for label, name, data, metadata in golden_calls():
        seen.write_text("")
        call = Invocation(functions[name], data, metadata, "golden", retry_count=2, max_retry_count=5)
        outcome = await engine.invoke(call)
        noted = [json.loads(line) for line in seen.read_text().splitlines()]
        found.append({"label": label, "seen": noted, **described(outcome)})
    return found


def indexed(functions: Sequence[FunctionDefinition]) -> list[dict[str, Any]]:
    return [
        {
            "name": function.name,
            "bindings": sorted((dict(b) for b in function.bindings), key=lambda b: str(b["name"])),
            "is_async": function.is_async,
            "retry": [function.retry.max_retry_count, function.retry.minimum_s] if function.retry else None,
        }
        for function in functions
    ]


async def rejected(engine_name: str, folder: Path) -> dict[str, bool]:
    """Whether each app of the folder is refused, by its name."""
    found = {}
    for app in sorted(folder.iterdir()):
        if not (app / "function_app.py").is_file():
            continue
        sys.modules.pop("function_app", None)
        engine = choose_engine(engine_name)
        try:
            await engine.index(app)
        except AppRejected:
            found[app.name] = True
        else:
            found[app.name] = False
        finally:
            sys.path.remove(str(app))
            engine.close()
    return found


async def main(engine_name: str, task: str, folder: Path) -> None:
    if task == "reject":
        print(json.dumps(await rejected(engine_name, folder)))
        return
    engine = choose_engine(engine_name)
    functions = await engine.index(folder)
    if task == "index":
        print(json.dumps(indexed(functions)))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            seen = Path(scratch) / "seen"
            os.environ["SAMPLE_SEEN"] = str(seen)
            print(json.dumps(await invoke_all(engine, {f.name: f for f in functions}, seen)))
    engine.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
