"""One client's TCP connection: protocol headers, SASL, frames, heartbeats and back pressure.

http://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-transport-v1.0-os.html#section-connections
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import struct
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

from local.callers import Callers
from local.emulators import clock
from local.emulators.faults import PATH as FAULTS_PATH
from local.emulators.faults import Faults

from .codec import DecodeError, UByte, UInt, UShort, array
from .frames import (
    AMQP_HEADER,
    BEGIN,
    CLOSE,
    EMPTY_FRAME,
    END,
    HEADER_SIZE,
    MAX_FRAME_SIZE,
    MIN_FRAME_SIZE,
    OPEN,
    SASL_HEADER,
    SASL_INIT,
    SASL_MECHANISMS,
    SASL_OUTCOME,
    AmqpError,
    frame,
    frame_header,
    parse_performative,
    performative,
)
from .hub import Namespace, wall_clock_ms
from .security import EVERYTHING, MECHANISMS, SASL_AUTH_FAILED, SASL_OK, Grants, Policy
from .session import Session
from .websocket import WebSocket, fields_of, handshake

if TYPE_CHECKING:
    from collections.abc import MutableSet

_LOG = logging.getLogger(__name__)
IDLE_TIMEOUT_MS: Final = 240_000
_CONTAINER: Final = "galen-eventhubs"
_MAX_SENT_FRAME: Final = 1024 * 1024
_MAX_CHANNEL: Final = 255
_HIGH_WATER_BYTES: Final = 1024 * 1024
_MAX_UNREAD_BYTES: Final = 32 * 1024 * 1024
_SYMBOL: Final = 0xB3
_HTTP: Final = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"PATCH ", b"DELETE ", b"OPTIONS ")
_FOREIGN: Final = b'{"error": "A web page of another site may not ask this emulator."}'
_NO_HTTP: Final = b'{"error": "This emulator does not implement this request of HTTP."}'
_CONTENT_LENGTH: Final = re.compile(rb"(?i)content-length: *(\d+)")


class Connection(asyncio.Protocol):
    """Speaks AMQP with one client; what it sends while handling its input leaves in one write."""

    def __init__(
        self,
        namespace: Namespace,
        policy: Policy,
        register: MutableSet[Connection],
        callers: Callers,
        *,
        idle_timeout_ms: int = IDLE_TIMEOUT_MS,
        faults: Faults | None = None,
    ) -> None:
        self.namespace = namespace
        self.faults = faults
        self.max_frame_size = MIN_FRAME_SIZE
        self.writable = True
        self.now_ms: Callable[[], int] = wall_clock_ms
        self._policy = policy
        self._callers = callers
        self._register = register
        self._idle_timeout_s = idle_timeout_ms / 1000
        self._grants = Grants()
        self._sessions: dict[int, Session] = {}
        self._input = bytearray()
        self._output: list[bytes] = []
        self._flush_planned = False
        self._headers_done = False
        self._sasl_open = False
        self._closing = False
        self._web: WebSocket | None = None
        self._last_input_at = 0.0
        self._timers: list[asyncio.TimerHandle] = []

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()
        self._transport.set_write_buffer_limits(high=_HIGH_WATER_BYTES)
        self._transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._register.add(self)
        self._last_input_at = self._loop.time()
        self._repeat(self._idle_timeout_s / 2, self._close_if_silent)

    def data_received(self, data: bytes) -> None:
        self._last_input_at = self._loop.time()
        if self._web is not None:
            self._receive_framed(self._web, data)
            return
        self._take(data)

    def _receive_framed(self, web: WebSocket, data: bytes) -> None:
        try:
            held = web.receive(data)
        except ValueError as error:
            _LOG.warning("A client's WebSocket was closed: %s", error)
            self.abort()
            return
        if held:
            self._take(held)
        if web.closed:
            self._closing = True
            self._transport.close()

    def _take(self, data: bytes) -> None:
        self._input += data
        if not self._headers_done and self._web is None and self._input.startswith(_HTTP):
            self._answer_http()
            return
        if self._transport.get_write_buffer_size() > _MAX_UNREAD_BYTES:
            self._transport.abort()
            return
        try:
            self._consume()
        except AmqpError as error:
            self.close(error)
        except (DecodeError, struct.error, TypeError, ValueError, AttributeError) as error:
            # A field of a type that the performative does not have fails where it is used.
            _LOG.warning("A client sent a malformed frame: %s", type(error).__name__)
            _LOG.debug("The frame failed here.", exc_info=error)
            self.close(AmqpError("amqp:decode-error", "A frame could not be decoded."))

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        for session in tuple(self._sessions.values()):
            session.pump()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._closing = True
        self._register.discard(self)
        for timer in self._timers:
            timer.cancel()
        for session in self._sessions.values():
            session.release()
        self._sessions.clear()

    # sessions and links call these

    def write(self, data: bytes) -> None:
        """Send bytes with all else that this turn of the event loop brings."""
        if self._closing:
            return
        self._output.append(data)
        if not self._flush_planned:
            self._flush_planned = True
            self._loop.call_soon(self._flush)

    def authorize(self, path: str) -> None:
        """Raises AmqpError unless a grant of this connection covers the path."""
        if not self._grants.cover(path, clock.now()):
            raise AmqpError(
                "amqp:unauthorized-access", "Unauthorized access: put a valid token for this entity to $cbs."
            )

    def put_token(self, token: str) -> None:
        """Take a token's grant; raises RefusedError."""
        self._grants.add(self._policy.verify(token, clock.now()))

    def cut(self, frame_bytes: bytes, after: int) -> None:
        """Send the beginning of a frame and close the connection under the client's hands."""
        self._flush()
        self._put(frame_bytes[:after])
        self.abort()

    def abort(self) -> None:
        """Close the connection without a word."""
        self._closing = True
        self._output.clear()
        self._transport.abort()

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do something after a while, unless the connection is gone by then."""
        self._loop.call_later(delay_s, lambda: None if self._closing else action())

    def _answer_http(self) -> None:
        """A request for a WebSocket opens one; any other, as for the door of faults, is answered and ends."""
        head, complete, body = bytes(self._input).partition(b"\r\n\r\n")
        if complete and not self._callers.admit(fields_of(head)):
            self._end_http(403, _FOREIGN)
            return
        opened = handshake(head) if complete else None
        if opened is not None:
            self._transport.write(opened)
            self._web = WebSocket(self._transport.write)
            self._input.clear()
            self._receive_framed(self._web, body)
            return
        length = _CONTENT_LENGTH.search(head)
        if not complete or len(body) < (int(length[1]) if length else 0):
            return
        method, _, path = head.split(b"\r\n", 1)[0].decode("latin-1").rpartition(" ")[0].partition(" ")
        if self.faults is not None and path == FAULTS_PATH:
            self._end_http(*self.faults.control(method, body))
        else:
            self._end_http(501, _NO_HTTP)

    def _end_http(self, status: int, answer: bytes) -> None:
        status_line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
        fields = f"Content-Length: {len(answer)}\r\nConnection: close"
        self._transport.write(f"{status_line}\r\n{fields}\r\n\r\n".encode() + answer)
        self._closing = True
        self._transport.close()

    def close(self, error: AmqpError | None = None) -> None:
        """End the connection, telling the client why where there is a reason."""
        if self._closing:
            return
        for session in self._sessions.values():
            session.release()
        self._sessions.clear()
        if self._headers_done:
            self.write(frame(0, performative(CLOSE, [error.described() if error else None])))
        self._flush()
        if self._web is not None:
            self._web.close()
        self._closing = True
        self._transport.close()

    def _flush(self) -> None:
        self._flush_planned = False
        if self._output and not self._transport.is_closing():
            output, self._output = self._output, []
            self._put(output[0] if len(output) == 1 else b"".join(output))

    def _put(self, data: bytes) -> None:
        if self._web is None:
            self._transport.write(data)
        else:
            self._web.send(data)

    def _repeat(self, every_s: float, action: Callable[[], None]) -> None:
        def run() -> None:
            self._timers.remove(timer)
            action()
            if not self._closing:
                self._repeat(every_s, action)

        timer = self._loop.call_later(every_s, run)
        self._timers.append(timer)

    def _close_if_silent(self) -> None:
        # The grace is as long as the timeout: the Python SDK sends no heartbeats while nobody uses it.
        if self._loop.time() - self._last_input_at >= 2 * self._idle_timeout_s:
            self.close(AmqpError("amqp:connection:forced", "The connection was inactive for too long."))

    # frames

    def _consume(self) -> None:
        data, position = self._input, 0
        while len(data) - position >= HEADER_SIZE and not self._closing:
            if not self._headers_done or data.startswith(b"AMQP", position):
                self._on_header(bytes(data[position : position + HEADER_SIZE]))
                position += HEADER_SIZE
                continue
            size, offset, kind, channel = frame_header(data, position)
            if not HEADER_SIZE <= offset <= size <= MAX_FRAME_SIZE:
                raise AmqpError("amqp:connection:framing-error", f"A frame of {size} bytes is impossible.")
            if len(data) - position < size:
                break
            if size > offset:
                self._on_frame(kind, channel, bytes(memoryview(data)[position + offset : position + size]))
            position += size
        del data[:position]

    def _on_header(self, header: bytes) -> None:
        if header == SASL_HEADER and not self._headers_done:
            self._headers_done = self._sasl_open = True
            mechanisms = performative(SASL_MECHANISMS, [array(_SYMBOL, MECHANISMS)])
            self.write(SASL_HEADER + frame(0, mechanisms, sasl=True))
        elif header == AMQP_HEADER and not self._sasl_open:
            self._headers_done = True
            self.write(AMQP_HEADER)
        else:
            # The answer to a protocol that is not spoken here is the one that is (AMQP 2.2).
            self.write(SASL_HEADER)
            self._headers_done = False
            self.close()

    def _on_frame(self, kind: int, channel: int, body: bytes) -> None:
        code, fields, payload_at = parse_performative(body)
        if kind == 1:
            self._on_sasl(code, fields)
        elif self._sasl_open:
            raise AmqpError("amqp:not-allowed", "SASL has not been completed.")
        elif code == OPEN:
            self._on_open(fields)
        elif code == CLOSE:
            self.close()
        elif code == BEGIN:
            self._sessions[channel] = Session(self, channel, fields)
        elif channel in self._sessions:
            self._on_session_frame(channel, code, fields, body, payload_at)
        # Links are detached after the end of their session by the Python SDK: that is no reason to complain.

    def _on_sasl(self, code: int, fields: list[Any]) -> None:
        if code != SASL_INIT or not self._sasl_open:
            raise AmqpError("amqp:not-allowed", "SASL is not expected here.")
        mechanism, response = fields[0], fields[1]
        accepted = mechanism in MECHANISMS
        if mechanism == "PLAIN":
            accepted = isinstance(response, bytes) and self._policy.accepts_plain(response)
            if accepted:
                self._grants.add(EVERYTHING)
        outcome = UByte(SASL_OK if accepted else SASL_AUTH_FAILED)
        self.write(frame(0, performative(SASL_OUTCOME, [outcome, None]), sasl=True))
        self._sasl_open = False
        if not accepted:
            self._headers_done = False
            self.close()

    def _on_open(self, fields: list[Any]) -> None:
        self.max_frame_size = min(max(fields[2] or _MAX_SENT_FRAME, MIN_FRAME_SIZE), _MAX_SENT_FRAME)
        limits = [UInt(MAX_FRAME_SIZE), UShort(_MAX_CHANNEL), UInt(int(self._idle_timeout_s * 1000))]
        self.write(frame(0, performative(OPEN, [_CONTAINER, None, *limits])))
        if fields[4]:
            self._repeat(fields[4] / 1000 / 2, lambda: self.write(EMPTY_FRAME))

    def _on_session_frame(
        self, channel: int, code: int, fields: list[Any], body: bytes, payload_at: int
    ) -> None:
        session = self._sessions[channel]
        if code == END:
            del self._sessions[channel]
            session.end()
            return
        try:
            session.handle(code, fields, body, payload_at)
        except AmqpError as error:
            del self._sessions[channel]
            session.end(error)
