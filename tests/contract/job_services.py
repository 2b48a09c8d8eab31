"""Databricks and EMR Serverless as far as jobs are listed and started: small servers that follow the published API.

They refuse what the published API refuses: another path, a missing field, no bearer token, a wrong signature.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

TOKEN: Final = "dapi-of-the-test"
KEY: Final = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "session")
REGION: Final = "eu-central-1"
APPLICATION: Final = "00f1abc"


class JobService:
    """A server on a free port. `statuses` are answered instead, one a request; `lose_next` starts a job and says nothing."""

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self.keys: dict[str, int] = {}
        self.statuses: list[int] = []
        self.lose_next = False
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.handle(self)

            def do_POST(self) -> None:
                service.handle(self)

            def log_message(self, *_: object) -> None:
                """Tests say what failed."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def end_all(self) -> None:
        for run in self.runs:
            run["active"] = False

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        address = urlsplit(request.path)
        query: dict[str, list[str]] = {}
        for name, value in parse_qsl(address.query):
            query.setdefault(name, []).append(value)
        if self.statuses:
            status, answer = self.statuses.pop(0), {}
        elif not self.allows(request, body):
            status, answer = 403, {}
        else:
            status, answer = self.answer(request.command, address.path, query, json.loads(body or b"null"))
        if self.lose_next and request.command == "POST":
            self.lose_next = False
            request.close_connection = True
            return
        sent = json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(sent)))
        request.end_headers()
        request.wfile.write(sent)

    def begun(self, name: str, key: str, details: Any) -> int:
        """The number of the run; the same for the same key."""
        if key not in self.keys:
            self.keys[key] = len(self.runs)
            self.runs.append({"name": name, "active": True, "details": details})
        return self.keys[key]

    def allows(self, request: BaseHTTPRequestHandler, body: bytes) -> bool:
        raise NotImplementedError

    def answer(
        self, method: str, path: str, query: dict[str, list[str]], body: Any
    ) -> tuple[int, dict[str, Any]]:
        raise NotImplementedError


class Databricks(JobService):
    """https://docs.databricks.com/api/workspace/jobs (2.2): list, runs/list, run-now."""

    jobs = {"galen-all": 11, "galen-upkeep": 12}

    def allows(self, request: BaseHTTPRequestHandler, body: bytes) -> bool:
        return request.headers.get("Authorization") == f"Bearer {TOKEN}"

    def answer(
        self, method: str, path: str, query: dict[str, list[str]], body: Any
    ) -> tuple[int, dict[str, Any]]:
        names = {number: name for name, number in self.jobs.items()}
        if (method, path) == ("GET", "/api/2.2/jobs/list"):
            (wanted,) = query["name"]
            found = (
                [{"job_id": self.jobs[wanted], "settings": {"name": wanted}}] if wanted in self.jobs else []
            )
            return 200, {"jobs": found} if found else {}
        if (method, path) == ("GET", "/api/2.2/jobs/runs/list"):
            name = names[int(query["job_id"][0])]
            assert query["active_only"] == ["true"]
            runs = [{"run_id": n} for n, run in enumerate(self.runs) if run["active"] and run["name"] == name]
            return 200, {"runs": runs} if runs else {}
        if (method, path) == ("POST", "/api/2.2/jobs/run-now") and body["job_id"] in names:
            if len(body["idempotency_token"]) > 64:
                return 400, {"error_code": "INVALID_PARAMETER_VALUE"}
            run = self.begun(names[body["job_id"]], body["idempotency_token"], body)
            return 200, {"run_id": run, "number_in_job": run}
        return 404, {"error_code": "ENDPOINT_NOT_FOUND"}


class EmrServerless(JobService):
    """https://docs.aws.amazon.com/emr-serverless/latest/APIReference: ListJobRuns in pages of two, StartJobRun."""

    def allows(self, request: BaseHTTPRequestHandler, body: bytes) -> bool:
        """Computes the signature anew, step by step as the user guide has it."""
        given = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
            r"SignedHeaders=(\S+), Signature=(\w{64})",
            request.headers.get("Authorization", ""),
        )
        if given is None:
            return False
        key, day, region, service, names, signature = given.groups()
        if (key, region, service) != (KEY[0], REGION, "emr-serverless") or "host" not in names.split(";"):
            return False
        path, _, query = request.path.partition("?")
        ordered = sorted(f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}" for n, v in parse_qsl(query))
        lines = [request.command, path, "&".join(ordered)]
        lines += [f"{name}:{(request.headers[name] or '').strip()}" for name in names.split(";")]
        lines += ["", names, hashlib.sha256(body).hexdigest()]
        whole = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        scope = f"{day}/{region}/{service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, whole])
        secret = f"AWS4{KEY[1]}".encode()
        for part in (day, region, service, "aws4_request", text):
            secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
        return secret.hex() == signature and request.headers["x-amz-security-token"] == KEY[2]

    def answer(
        self, method: str, path: str, query: dict[str, list[str]], body: Any
    ) -> tuple[int, dict[str, Any]]:
        if path != f"/applications/{APPLICATION}/jobruns":
            return 404, {"message": "ResourceNotFoundException"}
        if method == "GET":
            if not set(query["states"]) <= _STATES:
                return 400, {"message": "ValidationException"}
            listed = [
                {"applicationId": APPLICATION, "id": str(n), "name": run["name"], "state": "RUNNING"}
                for n, run in enumerate(self.runs)
                if run["active"]
            ]
            start = int(query.get("nextToken", ["0"])[0])
            more = {"nextToken": str(start + 2)} if len(listed) > start + 2 else {}
            return 200, {"jobRuns": listed[start : start + 2], **more}
        if (
            not re.fullmatch(r"arn:aws:iam::\d{12}:role/\S+", body["executionRoleArn"])
            or len(body["clientToken"]) > 64
        ):
            return 400, {"message": "ValidationException"}
        run = self.begun(body["name"], body["clientToken"], body)
        return 200, {
            "applicationId": APPLICATION,
            "jobRunId": str(run),
            "arn": f"arn:aws:emr-serverless:::{run}",
        }


_STATES: Final = {
    "SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "SUCCESS", "FAILED", "CANCELLING", "CANCELLED", "QUEUED",
}  # fmt: skip
