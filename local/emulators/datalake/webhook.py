"""Delivery to one webhook: handshake first, then events, each retried with growing pauses.

https://learn.microsoft.com/azure/event-grid/end-point-validation-cloud-events-schema
https://learn.microsoft.com/azure/event-grid/delivery-and-retry (pauses scaled down from 10 s, 30 s, 1 min …)
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import uuid
from collections import deque
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httptools

_LOG = logging.getLogger(__name__)
_ORIGIN = "eventgrid.azure.net"
_PAUSES_S = (0.2, 0.5, 1.0, 5.0)
_MOST_ATTEMPTS = 30
_MOST_WAITING = 100_000
_MOST_AT_ONCE = 8
_ANSWER_TIMEOUT_S = 30.0
# Event Grid does not repeat what the subscriber calls wrong or too large.
_HOPELESS = frozenset({400, 413})


class Webhook:
    """A subscriber's address with what waits for it; what is waiting is lost with the process."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: deque[tuple[bytes, int]] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._deliveries: set[asyncio.Task[None]] = set()
        self._client = HttpClient(url)

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        tasks = [task for task in (self._task, *self._deliveries) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._client.close()

    def send(self, body: bytes, attempt: int = 1) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            _LOG.error("An event was dropped: %d wait for a webhook that does not take them.", _MOST_WAITING)
            return
        self._waiting.append((body, attempt))
        self._wake.set()

    async def _run(self) -> None:
        failures = 0
        while not await self._handshake():
            await asyncio.sleep(_pause_s(failures + 1))
            failures += 1
        slots = asyncio.Semaphore(_MOST_AT_ONCE)
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await slots.acquire()
                body, attempt = self._waiting.popleft()
                task = asyncio.get_running_loop().create_task(self._deliver(body, attempt))
                self._deliveries.add(task)
                task.add_done_callback(self._deliveries.discard)
                task.add_done_callback(lambda _: slots.release())

    async def _handshake(self) -> bool:
        """CloudEvents' OPTIONS; where that is not answered, Event Grid's validation event."""
        try:
            status, headers, _ = await self._client.ask("OPTIONS", {"WebHook-Request-Origin": _ORIGIN}, b"")
            if 200 <= status < 300 and headers.get("webhook-allowed-origin") in ("*", _ORIGIN):
                return True
            code = str(uuid.uuid4())
            status, _, answer = await self._client.ask("POST", _VALIDATION_HEADERS, _validation_event(code))
            return 200 <= status < 300 and bool(json.loads(answer).get("validationResponse") == code)
        except (TimeoutError, OSError, ValueError, AttributeError, httptools.HttpParserError):
            return False

    async def _deliver(self, body: bytes, attempt: int) -> None:
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "aeg-event-type": "Notification",
            "aeg-delivery-count": str(attempt - 1),
            "aeg-subscription-name": "LOCAL",
        }
        try:
            status, _, _ = await self._client.ask("POST", headers, body)
        except (TimeoutError, OSError, httptools.HttpParserError):
            status = 0
        if 200 <= status < 300:
            return
        if status in _HOPELESS or attempt >= _MOST_ATTEMPTS:
            _LOG.error("An event was given up after %d attempts; the last answer was %d.", attempt, status)
            return
        asyncio.get_running_loop().call_later(_pause_s(attempt), self.send, body, attempt + 1)


_VALIDATION_HEADERS = {"Content-Type": "application/json", "aeg-event-type": "SubscriptionValidation"}


def _validation_event(code: str) -> bytes:
    event = {
        "id": str(uuid.uuid4()),
        "topic": "local",
        "subject": "",
        "data": {"validationCode": code},
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": datetime.now(UTC).isoformat(),
        "metadataVersion": "1",
        "dataVersion": "2",
    }
    return json.dumps([event]).encode()


def _pause_s(attempt: int) -> float:
    return _PAUSES_S[min(attempt, len(_PAUSES_S)) - 1]


class HttpClient:
    """Just enough HTTP/1.1 to post to one address over kept connections."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._tls else 80)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._authority = parts.netloc.rpartition("@")[2]
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(
        self, method: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, lower-case headers and body; raises OSError or TimeoutError where no answer comes."""
        return await asyncio.wait_for(self._ask(method, headers, body), _ANSWER_TIMEOUT_S)

    async def _ask(
        self, method: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        lines = [
            f"{method} {self._target} HTTP/1.1",
            f"Host: {self._authority}",
            f"Content-Length: {len(body)}",
        ]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        message = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body
        while self._idle:
            reader, writer = self._idle.pop()
            try:
                return await self._exchange(reader, writer, message)
            except OSError:  # the kept connection was closed meanwhile
                continue
        reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        return await self._exchange(reader, writer, message)

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        answer = _Answer()
        kept = False
        try:
            writer.write(message)
            await writer.drain()
            while not answer.complete:
                data = await reader.read(65536)
                if not data:
                    raise ConnectionResetError("closed before the answer was complete")
                answer.parser.feed_data(data)
            kept = answer.parser.should_keep_alive()
            return answer.parser.get_status_code(), answer.headers, b"".join(answer.body)
        finally:
            if kept:
                self._idle.append((reader, writer))
            else:
                writer.close()

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()


class _Answer:
    """Collects one response from httptools' callbacks."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.body: list[bytes] = []
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        self.complete = True
