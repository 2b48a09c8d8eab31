"""One partition's events as soon as they arrive, on top of azure-eventhub's AMQP receiver.

The SDK's own receive loops read on until a socket timeout of 0.2 s passes in silence, or sleep 50 ms between rounds:
fine for throughput, too slow for one alarm. This loop waits on the socket itself and reads frame by frame. It uses a
few of the SDK's private names, all of them here; `tests/host` fails if a release moves one.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from typing import Any

_KEEP_ALIVE_S = 15.0


class PartitionLost(Exception):
    """Another receiver with the same or a higher owner level took the partition (`amqp:link:stolen`)."""


def open_client(connection_string: str, hub: str, group: str) -> Any:
    """A consumer client; connections open only when a partition is received."""
    from azure.eventhub import EventHubConsumerClient

    return EventHubConsumerClient.from_connection_string(
        connection_string, consumer_group=group, eventhub_name=hub, retry_total=0, auth_timeout=10
    )


class PartitionReceiver:
    """Not for several threads, except `wake`."""

    def __init__(self, client: Any, group: str, partition: str, after: int | str, prefetch: int) -> None:
        """`after` is the sequence number of the last event done, or "-1" for the start, "@latest" for the end."""
        self._consumer = client._create_consumer(
            group, partition, after, self._ignore, owner_level=0, prefetch=prefetch
        )
        # the SDK's keep-alive thread would read from the socket beside this one; `keep_alive` does its work
        self._consumer._keep_alive = None
        self._prefetch = prefetch
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_out.setblocking(False)
        self._read_at = time.monotonic()

    @staticmethod
    def _ignore(_: object) -> None:
        """The consumer wants a callback; events are taken from its buffer instead."""

    def wake(self) -> None:
        """End a waiting `receive` of another thread early."""
        try:
            self._wake_in.send(b"w")
        except OSError:
            return

    def receive(self, most: int, wait_s: float) -> list[Any]:
        """Up to `most` events; waits for the first one at most `wait_s` seconds, or until woken.

        Raises `PartitionLost`, or the SDK's errors when the connection breaks: then make a new receiver.
        """
        try:
            return self._receive(most, time.monotonic() + wait_s)
        except Exception as error:
            if getattr(error, "condition", None) == b"amqp:link:stolen":
                raise PartitionLost from error
            raise

    def _receive(self, most: int, deadline: float) -> list[Any]:
        consumer = self._consumer
        while not consumer._open():
            if time.monotonic() > deadline + 30:
                raise TimeoutError("the partition's link did not open")
        buffer = consumer._message_buffer
        self._read_what_is_there(most)
        while not buffer:
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not self._wait_readable(min(remaining, _KEEP_ALIVE_S)):
                break
            self._read_what_is_there(most)
        return [consumer._next_message_in_buffer() for _ in range(min(most, len(buffer)))]

    def keep_alive(self) -> None:
        """Answer the service's heartbeats and refresh the token; call it at least every minute while not receiving."""
        if self._consumer.running and time.monotonic() - self._read_at > _KEEP_ALIVE_S:
            self._consumer._handler.do_work(batch=1)
            self._read_at = time.monotonic()

    def _wait_readable(self, timeout_s: float) -> bool:
        """False if woken; True also after a silence long enough for a keep-alive."""
        transport = self._consumer._handler._connection._transport
        readable, _, _ = select.select([transport.sock, self._wake_out], [], [], timeout_s)
        if self._wake_out in readable:
            self._wake_out.recv(64)
            return False
        if not readable:
            self.keep_alive()
        return True

    def _read_what_is_there(self, most: int) -> None:
        """Frames that can be read without waiting, until enough events are there; then grant credit anew."""
        consumer, handler = self._consumer, self._consumer._handler
        transport = handler._connection._transport
        while len(consumer._message_buffer) < most and _readable_now(transport):
            handler._connection.listen(wait=handler._socket_timeout, batch=1)
            error = handler._connection._error
            if error is not None:
                raise error
            self._read_at = time.monotonic()
        link = handler._link
        if link is None or handler._shutdown:
            raise ConnectionError("the partition's link was closed by the service")
        if link.get_state().name in ("DETACHED", "ERROR") or link._error is not None:
            raise link._error or ConnectionError("the partition's link was detached by the service")
        if link.current_link_credit <= self._prefetch // 2:
            link.flow(link_credit=self._prefetch)

    def close(self) -> None:
        """Detach and disconnect; never raises."""
        try:
            self._consumer.close()
        except Exception:  # noqa: BLE001, S110 - it is being thrown away
            pass
        self._wake_in.close()
        self._wake_out.close()


def _readable_now(transport: Any) -> bool:
    pending = transport._read_buffer
    if pending.tell() < pending.getbuffer().nbytes:
        return True
    if isinstance(transport.sock, ssl.SSLSocket) and transport.sock.pending():
        return True
    return bool(select.select([transport.sock], [], [], 0)[0])
