"""Jobs of a Databricks workspace. https://docs.databricks.com/api/workspace/jobs (2.2)"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from shared.adapters.web import ask
from shared.errors import Fault, Unavailable

_API: Final = "/api/2.2/jobs"
PREFIX: Final = "galen-"
"""Before each name in the workspace: as `local workflows databricks` names the jobs."""


class DatabricksJobs:
    """`token` gives a bearer token that holds now; `new_key` a new idempotency key, at most 64 characters."""

    def __init__(self, url: str, token: Callable[[], str], new_key: Callable[[], str]) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._new_key = new_key

    def start(self, name: str) -> bool:
        job = self._job(f"{PREFIX}{name}")
        running = self._ask("GET", f"/runs/list?job_id={job}&active_only=true&limit=1")
        if running.get("runs"):
            return False
        wanted = {"job_id": job, "idempotency_token": self._new_key()}
        try:
            self._ask("POST", "/run-now", wanted)
        except Unavailable:  # with the same key a second run is not begun
            self._ask("POST", "/run-now", wanted)
        return True

    def _job(self, name: str) -> int:
        found = self._ask("GET", f"/list?name={quote(name, safe='')}&limit=1").get("jobs") or []
        if not found:
            raise Fault(f"The workspace has no job {name}: deploy what `local workflows databricks` prints.")
        return int(found[0]["job_id"])

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"}
        sent = None if body is None else json.dumps(body).encode()
        return ask(method, f"{self._url}{_API}{path}", headers, sent)
