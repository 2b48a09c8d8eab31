"""What stands before moto: one call at a time, failures on demand, and the calls that were made."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any, Final

from local.callers import Callers
from local.emulators.aws.journal import Journal, keeps
from local.emulators.faults import PATH as FAULTS_PATH
from local.emulators.faults import Faults, Rule

CALLS_PATH: Final = "/_calls"
OBJECTS_PATH: Final = f"{CALLS_PATH}/objects"
FAULT_STATUSES: Final = (408, 429, 500, 503)
_S3: Final = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
_JSON_ERRORS: Final = {
    408: (500, "InternalServerError"),
    429: (400, "ProvisionedThroughputExceededException"),
    500: (500, "InternalServerError"),
    503: (503, "ServiceUnavailable"),
}
_XML_ERRORS: Final = {
    408: (400, "RequestTimeout"),
    429: (503, "SlowDown"),
    500: (500, "InternalError"),
    503: (503, "ServiceUnavailable"),
}
_NOT_KEPT: Final = b'{"__type": "NotImplemented", "message": "With --data only what it can keep is taken."}'
_FOREIGN: Final = b'{"message": "A web page of another site may not ask this emulator."}'
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class App:
    """The WSGI application. moto has no locks, and AWS decides each conditional write alone: so calls go one by one."""

    def __init__(
        self, moto: Application, faults: Faults | None, callers: Callers, journal: Journal | None = None
    ) -> None:
        self._moto = moto
        self._faults = faults
        self._callers = callers
        self._journal = journal
        self._calls: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length) if length else None
        named = (("host", environ.get("HTTP_HOST")), ("origin", environ.get("HTTP_ORIGIN")))
        # The body is read first: what is left of it would be taken for the next request of the connection.
        if not self._callers.admit((name, value) for name, value in named if value is not None):
            return _answer(start_response, 403, _FOREIGN, "application/json")
        if environ["PATH_INFO"] == FAULTS_PATH and self._faults is not None:
            status, answer = self._faults.control(environ["REQUEST_METHOD"], body or b"")
            return _answer(start_response, status, answer, "application/json")
        if environ["PATH_INFO"] in (CALLS_PATH, OBJECTS_PATH):
            return self._tell(environ, start_response)
        if body is not None:
            environ["wsgi.input"] = io.BytesIO(body)
        action = action_of(environ)
        if self._journal is not None and not keeps(action, environ.get("QUERY_STRING", "")):
            return _answer(start_response, 501, _NOT_KEPT, "application/json")
        with self._lock:
            self._calls[action, object_of(environ)] += 1
            rule = self._faults.pick(f"{action} {environ['PATH_INFO']}") if self._faults else None
            if rule is None or not rule.refuses:
                with self._journal.call() if self._journal else nullcontext():
                    answered = list(self._moto(environ, start_response))
        if rule is None:
            return answered
        if rule.latency_ms:
            time.sleep(rule.latency_ms / 1000)
        if rule.refuses:
            return _refused(rule, environ, start_response)
        if rule.applied:
            _hang_up(environ)  # the work is done, and nobody hears of it
        return answered

    def _tell(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        with self._lock:
            calls = sorted(self._calls.items())
            if environ["REQUEST_METHOD"] == "DELETE":
                self._calls.clear()
        told: Counter[str] = Counter()
        for (action, path), times in calls:
            told[f"{action} {path}".strip() if environ["PATH_INFO"] == OBJECTS_PATH else action] += times
        return _answer(start_response, 200, json.dumps(told).encode(), "application/json")


def object_of(environ: Environ) -> str:
    """The bucket and path of a call to S3; nothing of another service, where a right is for a whole thing."""
    return "" if environ.get("HTTP_X_AMZ_TARGET") else environ["PATH_INFO"].strip("/")


def action_of(environ: Environ) -> str:
    """What a call needs a right for, as IAM names it: `dynamodb:PutItem`."""
    if target := environ.get("HTTP_X_AMZ_TARGET", ""):
        service, _, operation = target.partition(".")
        return f"{service.partition('_')[0].lower().removesuffix('streams')}:{operation}"
    path, method = environ["PATH_INFO"].strip("/"), environ["REQUEST_METHOD"]
    if "/" in path:
        return f"s3:{_S3.get(method, method)}"
    return {"GET": "s3:ListBucket", "HEAD": "s3:ListBucket", "PUT": "s3:CreateBucket"}.get(
        method, f"s3:{method}"
    )


def _hang_up(environ: Environ) -> None:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)


def _refused(rule: Rule, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    if rule.status == 0:
        _hang_up(environ)
        return _answer(start_response, 500, b"", "text/plain")
    if environ.get("HTTP_X_AMZ_TARGET"):
        status, code = _JSON_ERRORS[rule.status or 503]
        told = json.dumps({"__type": f"com.amazonaws.emulator#{code}", "message": "a fault on demand"})
        return _answer(start_response, status, told.encode(), "application/x-amz-json-1.0")
    status, code = _XML_ERRORS[rule.status or 503]
    told = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>a fault on demand</Message></Error>'
    return _answer(start_response, status, told.encode(), "application/xml")


def _answer(start_response: StartResponse, status: int, body: bytes, content_type: str) -> Iterable[bytes]:
    start_response(f"{status} -", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]
