"""The request/response nodes `$cbs` and `$management`: requests come on one link, replies go on another.

https://www.oasis-open.org/committees/download.php/62097/amqp-man-v1.0-wd11.doc
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .codec import DecodeError, Described, Encoded, Int, decode, encode, raw_items
from .frames import AmqpError
from .link import ReceivingLink, SendingLink
from .management import Answer, read
from .message import APPLICATION_PROPERTIES, DATA, PROPERTIES, VALUE, sections
from .security import SAS_TOKEN_TYPE, RefusedError

if TYPE_CHECKING:
    from .session import Session

CBS: Final = "$cbs"
MANAGEMENT: Final = "$management"
_NULL = Encoded(b"\x40")
_REPLY_TO = 4


@dataclass(frozen=True)
class Request:
    """A decoded request; `message_id` stays encoded, because its type must come back."""

    message_id: Encoded
    reply_to: str | None
    properties: dict[str, Any]
    body: Any

    @classmethod
    def parse(cls, message: bytes) -> Request:
        """Raises DecodeError."""
        ids, reply_to, properties, body = _NULL, None, {}, None
        for section in sections(message):
            if section.code == PROPERTIES:
                raw = raw_items(message, section.value)
                ids = Encoded(raw[0]) if raw else _NULL
                reply_to = decode(raw[_REPLY_TO])[0] if len(raw) > _REPLY_TO else None
            elif section.code == APPLICATION_PROPERTIES:
                properties = decode(message, section.value)[0]
            elif section.code in (VALUE, DATA):
                body = decode(message, section.value)[0]
        if not isinstance(properties, dict):
            raise DecodeError("application properties are a map")
        return cls(ids, reply_to if isinstance(reply_to, str) else None, properties, body)

    def reply(self, answer: Answer) -> bytes:
        """The encoded reply; both spellings of the status, because clients differ in which they read."""
        status = {
            "status-code": Int(answer.code),
            "status-description": answer.description,
            "statusCode": Int(answer.code),
            "statusDescription": answer.description,
        }
        correlation = [None] * 5 + [self.message_id]
        return (
            encode(Described(PROPERTIES, correlation))
            + encode(Described(APPLICATION_PROPERTIES, status))
            + encode(Described(VALUE, answer.body))
        )


class Replies(SendingLink):
    """The link on which replies go out; they wait there for the client's credit."""

    def __init__(self, session: Session, handle: int, node: str, *, reply_to: str) -> None:
        super().__init__(session, handle, node)
        self.reply_to = reply_to
        self._waiting: deque[bytes] = deque()

    def add(self, reply: bytes) -> None:
        self._waiting.append(reply)
        self.pump()

    def pump(self) -> None:
        while self._waiting and self.may_send():
            self.deliver(self._waiting.popleft())


class Requests(ReceivingLink):
    """The link on which requests come in."""

    def answer(self, request: Request) -> Answer:
        """What to reply; called for well-formed requests."""
        raise NotImplementedError

    def receive(self, message: bytes, _message_format: int) -> None:
        try:
            request = Request.parse(message)
        except DecodeError as error:
            raise AmqpError("amqp:decode-error", f"The request cannot be decoded: {error}.") from error
        replies = self._replies_for(request)
        if replies is None:
            raise AmqpError("amqp:precondition-failed", f"No link for replies of {self.node} is attached.")
        replies.add(request.reply(self.answer(request)))

    def _replies_for(self, request: Request) -> Replies | None:
        replies = [link for link in self.session.links.values() if isinstance(link, Replies)]
        links = [link for link in replies if link.node == self.node]
        named = [link for link in links if link.reply_to == request.reply_to]
        return next(iter(named or links), None)


class CbsRequests(Requests):
    """Claims-based security: a client puts the token that says what it may do on this connection."""

    def answer(self, request: Request) -> Answer:
        if request.properties.get("operation") != "put-token":
            return Answer(400, "Only put-token is known at $cbs.")
        kind = request.properties.get("type")
        if kind != SAS_TOKEN_TYPE:
            return Answer(
                401,
                "InvalidToken: this emulator does not implement Entra tokens, only shared access signatures",
            )
        token = request.body
        try:
            self.session.connection.put_token(token.decode() if isinstance(token, bytes) else str(token))
        except RefusedError as error:
            return Answer(401, str(error))
        except UnicodeDecodeError:
            return Answer(401, "MalformedToken: the token is not text")
        return Answer(202, "Accepted")


class ManagementRequests(Requests):
    """Properties of hubs and partitions, read by those with a claim on the hub."""

    def answer(self, request: Request) -> Answer:
        connection = self.session.connection
        name = str(request.properties.get("name", ""))
        try:
            # A token for the hub covers this path too; some SDKs ask for one for this path alone.
            connection.authorize(f"{name}/{MANAGEMENT}")
        except AmqpError as error:
            return Answer(401, error.description)
        return read(connection.namespace, request.properties)
