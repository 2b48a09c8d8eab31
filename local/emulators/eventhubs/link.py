"""Links: a client's stream of messages to the broker, or the broker's to a client.

http://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-transport-v1.0-os.html#section-links
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from .codec import Described, UInt
from .frames import ACCEPTED, DETACH, DISPOSITION, FLOW, AmqpError, performative, rejected

if TYPE_CHECKING:
    from .session import Session

MAX_MESSAGE_BYTES: Final = 1024 * 1024
_CREDIT: Final = 1000
_SEQUENCE_MASK: Final = 0xFFFFFFFF


class Link:
    """One link of a session; `node` is what it is attached to, in the client's spelling."""

    broker_sends: bool

    def __init__(self, session: Session, handle: int, node: str) -> None:
        self.session = session
        self.handle = handle
        self.node = node
        self.delivery_count = 0
        self.credit = 0
        self.detached = False

    def start(self) -> None:
        """Called once the attach has been answered."""

    def on_flow(self, fields: list[Any]) -> None:
        """The client's flow for this link."""

    def on_transfer(self, _fields: list[Any], _payload: bytes) -> None:
        """The client's transfer on this link."""
        raise AmqpError("amqp:not-allowed", "A transfer came on a link on which the broker sends.")

    def release(self) -> None:
        """Give up what the link holds; called once, however it ends."""
        self.detached = True

    def end(self, error: AmqpError) -> None:
        """Detach from the broker's side."""
        if self.detached:
            return
        self.release()
        self.session.forget(self)
        self.session.send(performative(DETACH, [UInt(self.handle), True, error.described()]))

    def send_flow(self, *, drain: bool = False) -> None:
        """Tell the client the state of this link and its session."""
        link_state = [UInt(self.handle), UInt(self.delivery_count), UInt(self.credit), UInt(0), drain]
        self.session.send(performative(FLOW, self.session.window() + link_state))


class ReceivingLink(Link):
    """A link on which the client sends; subclasses say what becomes of a message."""

    broker_sends = False

    def __init__(self, session: Session, handle: int, node: str) -> None:
        super().__init__(session, handle, node)
        self._delivery: list[Any] | None = None
        self._parts: list[bytes] = []
        self._size_bytes = 0

    def start(self) -> None:
        self._grant()

    def receive(self, message: bytes, message_format: int) -> None:
        """Take a whole message; raises AmqpError to have it rejected."""
        raise NotImplementedError

    def on_transfer(self, fields: list[Any], payload: bytes) -> None:
        if self._delivery is None:
            self._delivery = fields
        self._size_bytes += len(payload)
        if self._size_bytes <= MAX_MESSAGE_BYTES:
            self._parts.append(payload)
        if fields[5] and not fields[9]:
            return
        first, parts, size_bytes = self._delivery, self._parts, self._size_bytes
        self._delivery, self._parts, self._size_bytes = None, [], 0
        self.delivery_count = (self.delivery_count + 1) & _SEQUENCE_MASK
        self.credit -= 1
        if not fields[9]:
            self.take_delivery(first, lambda: self._take(parts, size_bytes, first[3] or 0))
        if self.credit <= _CREDIT // 2 and not self.detached:
            self._grant()

    def take_delivery(self, first: list[Any], take: Callable[[], Described]) -> None:
        """Take a delivery, of which `first` are the fields of its first transfer, and tell what became of it."""
        self.settle(first, take())

    def settle(self, first: list[Any], state: Described) -> None:
        """Tell the client the outcome of a delivery that it waits for."""
        if not first[4] and first[1] is not None:
            self.session.send(self.disposition(first, state))

    @staticmethod
    def disposition(first: list[Any], state: Described) -> bytes:
        """The performative that settles a delivery."""
        delivery_id = UInt(first[1])
        return performative(DISPOSITION, [True, delivery_id, delivery_id, True, state])

    def _take(self, parts: list[bytes], size_bytes: int, message_format: int) -> Described:
        try:
            if size_bytes > MAX_MESSAGE_BYTES:
                raise AmqpError(
                    "amqp:link:message-size-exceeded",
                    f"The message has {size_bytes} bytes; the limit is {MAX_MESSAGE_BYTES} bytes.",
                )
            self.receive(parts[0] if len(parts) == 1 else b"".join(parts), message_format)
        except AmqpError as error:
            return rejected(error)
        return ACCEPTED

    def _grant(self) -> None:
        self.credit = _CREDIT
        self.send_flow()


class SendingLink(Link):
    """A link on which the broker sends, as far as the client's credit and the session's window reach."""

    broker_sends = True

    def __init__(self, session: Session, handle: int, node: str) -> None:
        super().__init__(session, handle, node)
        self._draining = False

    def pump(self) -> None:
        """Send what there is to send while `may_send`; called whenever that may have changed."""
        raise NotImplementedError

    def may_send(self) -> bool:
        return self.credit > 0 and not self.detached and self.session.may_send()

    def deliver(self, message: bytes) -> None:
        """Send one settled delivery and use up one credit."""
        self.session.transfer(self.handle, message)
        self.delivery_count = (self.delivery_count + 1) & _SEQUENCE_MASK
        self.credit -= 1

    def on_flow(self, fields: list[Any]) -> None:
        granted_from = fields[5] if fields[5] is not None else 0
        # Serial number arithmetic: what was sent since the client wrote its flow is taken off.
        sent_since = (self.delivery_count - granted_from) & _SEQUENCE_MASK
        self.credit = max((fields[6] or 0) - sent_since, 0)
        self._draining = bool(fields[8])
        self.pump()
        if self._draining and self.credit and not self.detached:
            self.delivery_count = (self.delivery_count + self.credit) & _SEQUENCE_MASK
            self.credit = 0
            self.send_flow(drain=True)
        elif fields[9] and not self.detached:
            self.send_flow()
