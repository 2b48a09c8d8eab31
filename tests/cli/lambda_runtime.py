"""Lambda's runtime API, as far as AWS's own loop around a handler asks it: one function, invoked one event after another.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from tests.patience import PATIENCE_S

_NEXT: Final = "/2018-06-01/runtime/invocation/next"
FUNCTION_ARN: Final = "arn:aws:lambda:eu-central-1:123456789012:function:galen"


class InvocationFailed(Exception):
    """The function raised, or could not be started; the text is the type of the error."""


class LambdaFunction:
    """A function that runs from a folder as Lambda has it at /var/task: nothing else of ours is on its path."""

    def __init__(self, task: Path, handler: str, settings: Mapping[str, str]) -> None:
        self._events: queue.Queue[bytes] = queue.Queue()
        self._answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        ours = ("GALEN_", "PYTHON", "AWS_")
        rest = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        lambdas = {
            "_HANDLER": handler,
            "AWS_LAMBDA_FUNCTION_NAME": "galen",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "LAMBDA_TASK_ROOT": str(task),
            "PYTHONPATH": str(task),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", handler], cwd=task, env={**rest, **settings, **lambdas}
        )

    def __enter__(self) -> LambdaFunction:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._server.shutdown()
        self._server.server_close()

    def __call__(self, event: Any) -> Any:
        """What it answers. Raises InvocationFailed."""
        self._events.put(json.dumps(event).encode())
        try:
            kind, answer = self._answers.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise InvocationFailed(f"no answer; its process: {self._process.poll()}") from None
        if kind != "response":
            raise InvocationFailed(json.loads(answer)["errorType"])
        return json.loads(answer)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        events, answers = self._events, self._answers

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                assert self.path == _NEXT
                event = events.get()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int(1000 * (time.time() + PATIENCE_S))))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", FUNCTION_ARN)
                self.send_header(
                    "Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0"
                )
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(event)))
                self.end_headers()
                self.wfile.write(event)

            def do_POST(self) -> None:
                answers.put(
                    (self.path.rpartition("/")[2], self.rfile.read(int(self.headers["Content-Length"])))
                )
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        return Handler
