"""Job runs of an EMR Serverless application. https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from shared.adapters.emr.signature import Credentials, signed_headers
from shared.adapters.web import ask
from shared.errors import Unavailable
from shared.ports.clock import Clock

_ACTIVE: Final = ("SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "CANCELLING", "QUEUED")
_SERVICE: Final = "emr-serverless"
PREFIX: Final = "galen-"


@dataclass(frozen=True, slots=True)
class EmrPlace:
    """Where jobs run: `role` is the ARN of the job's role, `entry` where spark_job.py lies, `lake` the root of the lake.

    `parameters` go to spark-submit as they are: the packages as `--py-files`, Delta's jars, memory.
    """

    region: str
    application: str
    role: str
    entry: str
    lake: str
    parameters: str = ""
    endpoint: str = ""

    @property
    def url(self) -> str:
        """The address of the application's job runs."""
        base = self.endpoint.rstrip("/") or f"https://{_SERVICE}.{self.region}.amazonaws.com"
        return f"{base}/applications/{quote(self.application, safe='')}/jobruns"


class EmrServerlessJobs:
    """`credentials` gives those that hold now; `new_key` a new client token."""

    def __init__(
        self,
        place: EmrPlace,
        credentials: Callable[[], Credentials],
        clock: Clock,
        new_key: Callable[[], str],
    ) -> None:
        self._place = place
        self._credentials = credentials
        self._clock = clock
        self._new_key = new_key

    def start(self, name: str) -> bool:
        if self._runs(f"{PREFIX}{name}"):
            return False
        place = self._place
        submit: dict[str, Any] = {
            "entryPoint": place.entry,
            "entryPointArguments": [name, "--lake", place.lake],
        }
        if place.parameters:
            submit["sparkSubmitParameters"] = place.parameters
        wanted = {
            "name": f"{PREFIX}{name}",
            "clientToken": self._new_key(),
            "executionRoleArn": place.role,
            "jobDriver": {"sparkSubmit": submit},
        }
        try:
            self._ask("POST", "", wanted)
        except Unavailable:  # with the same token a second run is not begun
            self._ask("POST", "", wanted)
        return True

    def _runs(self, name: str) -> bool:
        states = "&".join(f"states={state}" for state in _ACTIVE)
        page = ""
        while True:
            found = self._ask("GET", f"?maxResults=50&{states}{page}")
            if any(run.get("name") == name for run in found.get("jobRuns") or ()):
                return True
            if not found.get("nextToken"):
                return False
            page = f"&nextToken={quote(found['nextToken'], safe='')}"

    def _ask(self, method: str, query: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        url = f"{self._place.url}{query}"
        sent = b"" if body is None else json.dumps(body).encode()
        now = self._clock.now()
        signed = signed_headers(method, url, sent, now, self._credentials(), self._place.region, _SERVICE)
        return ask(method, url, {**signed, "Content-Type": "application/json"}, sent or None)
