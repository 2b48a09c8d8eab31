"""A session: the transfer windows of both directions and the links on it.

http://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-transport-v1.0-os.html#section-sessions
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from .attach import open_link
from .codec import Encoded, UByte, UInt, ULong, UShort
from .frames import (
    ATTACH,
    BEGIN,
    DETACH,
    DISPOSITION,
    END,
    FLOW,
    TRANSFER,
    TRANSFER_OVERHEAD,
    AmqpError,
    continued_frame,
    frame,
    performative,
    raw_fields,
    transfer_frame,
)
from .link import MAX_MESSAGE_BYTES, Link, SendingLink

if TYPE_CHECKING:
    from .connection import Connection

WINDOW: Final = 5000
_MAX_HANDLE: Final = 255
_ID_MASK: Final = 0xFFFFFFFF


class Session:
    """One session; the broker answers on the channel number that the client chose."""

    def __init__(self, connection: Connection, channel: int, begin: list[Any]) -> None:
        self.connection = connection
        self.channel = channel
        self.links: dict[int, Link] = {}
        self._next_incoming_id = begin[1] or 0
        self._incoming_window = WINDOW
        self._next_outgoing_id = 0
        self._next_delivery_id = 0
        self._remote_window = begin[2] or 0
        self._held_back: deque[bytes] = deque()
        window = [UInt(self._next_outgoing_id), UInt(WINDOW), UInt(WINDOW), UInt(_MAX_HANDLE)]
        self.send(performative(BEGIN, [UShort(channel), *window]))

    def send(self, body: bytes) -> None:
        """Write one frame on this session's channel."""
        self.connection.write(frame(self.channel, body))

    def window(self) -> list[Any]:
        """The session's part of a flow."""
        incoming = [UInt(self._next_incoming_id), UInt(self._incoming_window)]
        return [*incoming, UInt(self._next_outgoing_id), UInt(WINDOW)]

    def may_send(self) -> bool:
        """Whether a message may be begun: the window is open and nothing waits before it."""
        return self._remote_window > 0 and not self._held_back and self.connection.writable

    def transfer(self, handle: int, message: bytes) -> None:
        """Send a message in as many frames as it needs; those beyond the window wait for the next flow."""
        room = self.connection.max_frame_size - TRANSFER_OVERHEAD
        more = len(message) > room
        payload = message[:room] if more else message
        self._emit(transfer_frame(self.channel, handle, self._next_delivery_id, payload, more=more))
        self._next_delivery_id = (self._next_delivery_id + 1) & _ID_MASK
        for start in range(room, len(message), room):
            more = start + room < len(message)
            self._emit(continued_frame(self.channel, handle, message[start : start + room], more=more))

    def handle(self, code: int, fields: list[Any], body: bytes, payload_at: int) -> None:
        """Take one frame from the client; raises AmqpError where the session must end."""
        if code == TRANSFER:
            self._on_transfer(fields, body[payload_at:])
        elif code == FLOW:
            self._on_flow(fields)
        elif code == ATTACH:
            self._on_attach(fields, raw_fields(body))
        elif code == DETACH:
            self._on_detach(fields)
        elif code != DISPOSITION:
            # Dispositions are for deliveries that we sent settled.
            raise AmqpError("amqp:not-allowed", f"Performative {code:#04x} is not expected on a session.")

    def forget(self, link: Link) -> None:
        self.links.pop(link.handle, None)

    def pump(self) -> None:
        """Let every link send again, after the connection could not for a while."""
        self._send_held_back()
        for link in tuple(self.links.values()):
            if isinstance(link, SendingLink):
                link.pump()

    def release(self) -> None:
        """Give up all links, after an end or a lost connection."""
        for link in self.links.values():
            link.release()
        self.links.clear()
        self._held_back.clear()

    def end(self, error: AmqpError | None = None) -> None:
        self.release()
        self.send(performative(END, [error.described() if error else None]))

    def _emit(self, data: bytes) -> None:
        if self._remote_window <= 0 or self._held_back:
            self._held_back.append(data)
        else:
            self._write_transfer(data)

    def _write_transfer(self, data: bytes) -> None:
        self.connection.write(data)
        self._next_outgoing_id = (self._next_outgoing_id + 1) & _ID_MASK
        self._remote_window -= 1

    def _send_held_back(self) -> None:
        while self._held_back and self._remote_window > 0:
            self._write_transfer(self._held_back.popleft())

    def _on_transfer(self, fields: list[Any], payload: bytes) -> None:
        if self._incoming_window <= 0:
            raise AmqpError("amqp:session:window-violation", "A transfer came outside the session's window.")
        self._next_incoming_id = (self._next_incoming_id + 1) & _ID_MASK
        self._incoming_window -= 1
        link = self.links.get(fields[0])
        if link is not None:
            link.on_transfer(fields, payload)
        if self._incoming_window <= WINDOW // 2:
            self._incoming_window = WINDOW
            self.send(performative(FLOW, self.window()))

    def _on_flow(self, fields: list[Any]) -> None:
        expected = fields[0] if fields[0] is not None else 0
        sent_since = (self._next_outgoing_id - expected) & _ID_MASK
        was_shut = self._remote_window <= 0
        self._remote_window = (fields[1] or 0) - sent_since
        self._send_held_back()
        link = self.links.get(fields[4]) if fields[4] is not None else None
        if link is not None:
            link.on_flow(fields)
        elif fields[9]:
            self.send(performative(FLOW, self.window()))
        if was_shut:
            self.pump()

    def _on_attach(self, fields: list[Any], raw: list[Encoded]) -> None:
        name, handle, client_receives = fields[0], fields[1], bool(fields[2])
        if handle in self.links:
            raise AmqpError("amqp:session:handle-in-use", f"Handle {handle} is attached already.")
        refusal, link = None, None
        try:
            link = open_link(self, handle, fields)
        except AmqpError as error:
            refusal = error
        answer = [
            name, UInt(handle), not client_receives,
            UByte(2 if fields[3] is None else fields[3]), UByte(fields[4] or 0),
            # A refused link gets its source and target back too: the Python SDK retries for ever on a null.
            raw[5], raw[6], None, None,
            UInt(0) if client_receives else None, ULong(MAX_MESSAGE_BYTES),
        ]  # fmt: skip
        self.send(performative(ATTACH, answer))
        if link is None:
            assert refusal is not None
            self.send(performative(DETACH, [UInt(handle), True, refusal.described()]))
            return
        self.links[handle] = link
        link.start()

    def _on_detach(self, fields: list[Any]) -> None:
        # What is unknown we have detached ourselves, and this is the client's answer to it.
        link = self.links.pop(fields[0], None)
        if link is not None:
            link.release()
            self.send(performative(DETACH, [UInt(link.handle), True]))
