"""Alerts as they are raised: by long poll, as server-sent events, and acknowledged.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

from starlette.responses import Response, StreamingResponse

from functions.api.alert_bell import AlertBells
from functions.api.exchange import ApiRequest, plain_json
from functions.api.routing import InThread
from functions.api.services import ApiServices, RaisedAlerts
from shared.domain.fhir import json
from shared.domain.fhir.identity import is_valid_id
from shared.domain.fhir.search_values import refuse
from shared.errors import NotFound

PAGE: Final = 200
MAX_WAIT_S: Final = 20.0
STREAM_S: Final = 300.0
"""A stream ends after this time; the client reconnects, and its token is checked anew."""
HEARTBEAT_S: Final = 15.0
_MAX_CURSOR_CHARS: Final = 200
_RETRY: Final = "retry: 1000\n\n"
_EVENT_STREAM: Final = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class AlertFeed:
    """The three endpoints. Where `streaming` is off (Functions), a stream answers what is pending and ends."""

    streaming: bool
    poll_s: float = 0.15
    elapsed: Callable[[], float] = time.monotonic
    bells: AlertBells = field(default_factory=AlertBells)

    async def poll(self, services: ApiServices, request: ApiRequest, in_thread: InThread) -> Response:
        """GET /alerts?since=&wait=: those after `since`, at once or as soon as there is one within `wait` seconds."""
        asked = request.only("since", "wait")
        cursor, ends_at = _cursor(asked.get("since")), self.elapsed() + _wait(asked.get("wait", "0"))
        while True:
            heard = self.bells.heard(request.caller.tenant)
            page = await self._page(services, request, in_thread, cursor)
            left = ends_at - self.elapsed()
            if page.alerts or left <= 0:
                return plain_json({"alerts": page.alerts, "cursor": page.cursor})
            await self._rung(services, request, in_thread, page.cursor, heard, left)

    async def stream(self, services: ApiServices, request: ApiRequest, in_thread: InThread) -> Response:
        """GET /alerts/stream: resumable by Last-Event-ID (or `since`); what a cut page held comes again."""
        asked = request.only("since")
        cursor = _cursor(request.headers.get("last-event-id") or asked.get("since"))
        first = await self._page(services, request, in_thread, cursor)
        if not self.streaming:
            return Response(_RETRY + _events(first), headers={"Content-Type": _EVENT_STREAM})
        events = self._live(services, request, in_thread, first)
        return StreamingResponse(events, headers={"Content-Type": _EVENT_STREAM, "X-Accel-Buffering": "no"})

    async def _live(
        self, services: ApiServices, request: ApiRequest, in_thread: InThread, page: RaisedAlerts
    ) -> AsyncIterator[str]:
        yield _RETRY
        ends_at, beats_at = self.elapsed() + STREAM_S, self.elapsed() + HEARTBEAT_S
        while (left := ends_at - self.elapsed()) > 0:
            heard = self.bells.heard(request.caller.tenant)
            page = page if page.alerts else await self._page(services, request, in_thread, page.cursor)
            if page.alerts:
                yield _events(page)
                page = await self._page(services, request, in_thread, page.cursor)
                continue
            rung = await self._rung(
                services,
                request,
                in_thread,
                page.cursor,
                heard,
                min(left, max(0.0, beats_at - self.elapsed())),
            )
            if not rung:
                beats_at = self.elapsed() + HEARTBEAT_S
                yield ": still here\n\n"

    async def _rung(
        self,
        services: ApiServices,
        request: ApiRequest,
        in_thread: InThread,
        cursor: str,
        heard: int,
        timeout_s: float,
    ) -> bool:
        """Whether something may have changed for this tenant since `heard` was read; False after the time given."""

        async def look(after: str | None) -> RaisedAlerts:
            return await self._page(services, request, in_thread, after)

        return await self.bells.wait(request.caller.tenant, heard, timeout_s, look, cursor, self.poll_s)

    async def _page(
        self, services: ApiServices, request: ApiRequest, in_thread: InThread, cursor: str | None
    ) -> RaisedAlerts:
        page: RaisedAlerts = await in_thread(services.alerts.since, request.caller.tenant, cursor, PAGE)
        return page


def acknowledge(services: ApiServices, request: ApiRequest) -> Response:
    """POST /alerts/{id}/acknowledge"""
    request.only()
    if not is_valid_id(request.path["id"]):
        raise NotFound("No alert of this id.")
    return plain_json(services.alerts.acknowledge(request.caller, request.path["id"]))


def listen(services: ApiServices, request: ApiRequest) -> Response:
    """POST /alerts/live: where a WebSocket is told that there is something to ask for. Raises NotFound."""
    request.only()
    if services.live is None:
        raise NotFound("There are no live updates here: ask /alerts with wait, or /alerts/stream.")
    return plain_json({"url": services.live.address(request.caller.tenant)})


def _cursor(text: str | None) -> str | None:
    if text and (len(text) > _MAX_CURSOR_CHARS or not text.isprintable()):
        raise refuse("since is the cursor of an earlier answer.")
    return text or None


def _wait(text: str) -> float:
    if not text.isdecimal() or len(text) > 4:
        raise refuse(f"wait is a whole number of seconds, at most {MAX_WAIT_S:.0f} of which are waited.")
    return min(float(text), MAX_WAIT_S)


def _events(page: RaisedAlerts) -> str:
    """The id stands on the last event of a page, so that a stream cut within one starts the page again."""
    events = [f"event: alert\ndata: {json.encode(alert)}\n\n" for alert in page.alerts]
    if events:
        events[-1] = f"id: {page.cursor}\n{events[-1]}"
    return "".join(events)
