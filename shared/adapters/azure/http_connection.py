"""One kept-open HTTP/1.1 connection: a request goes out in one piece, llhttp (by httptools) reads the answer.

https://www.rfc-editor.org/rfc/rfc9112. No redirects, cookies, proxies, compression or bodies of unknown length: the SDKs
ask for none of them.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult

import httptools

_PIECE: Final = 256 * 1024
_INFORMATIONAL: Final = range(100, 200)


@dataclass(slots=True)
class Answer:
    """What came back, read whole. Header names are as the service wrote them."""

    status: int = 0
    reason: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


class NotSent(Exception):
    """No connection: the service has seen nothing of the request."""


class Broken(Exception):
    """The connection ended before the answer did: the service may have done what it was asked."""


class _Reader:
    """Callbacks of the parser."""

    def __init__(self, method: str) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.answer = Answer()
        self.complete = False
        self.keeps_open = False
        self._pieces: list[bytes] = []
        self._reason: list[bytes] = []
        self._has_no_body = method == "HEAD"

    def on_status(self, status: bytes) -> None:
        self._reason.append(status)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.answer.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self.answer.status = self.parser.get_status_code()
        if self._has_no_body and self.answer.status not in _INFORMATIONAL:
            self._finish()

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        if self.answer.status in _INFORMATIONAL:  # the answer itself follows
            self.answer = Answer()
            self._reason.clear()
        elif not self.complete:
            self._finish()

    def _finish(self) -> None:
        self.answer.reason = b"".join(self._reason).decode("latin-1")
        self.answer.body = b"".join(self._pieces)
        self.keeps_open = self.parser.should_keep_alive()
        self.complete = True

    def ends(self) -> bool:
        """Whether the end of the connection is the end of the answer."""
        framed = any(
            name.lower() in ("content-length", "transfer-encoding") for name, _ in self.answer.headers
        )
        if self.answer.status and not framed:
            self._finish()
            self.keeps_open = False
        return self.complete


class Connection:
    """A connection to one host; not for two threads at once."""

    def __init__(
        self, address: SplitResult, context: ssl.SSLContext | None, connect_timeout_s: float | None
    ) -> None:
        """Connects. Raises TimeoutError and NotSent."""
        host = address.hostname or ""
        port = address.port or (443 if context else 80)
        try:
            plain = socket.create_connection((host, port), connect_timeout_s)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except TimeoutError:
            raise
        except OSError as failure:
            raise NotSent from failure
        self.socket = _encrypted(plain, context, host) if context else plain
        self._host = address.netloc.rpartition("@")[2]
        self.is_reusable = True

    def exchange(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, read_timeout_s: float | None
    ) -> Answer:
        """Send one request and read its answer.

        Raises TimeoutError and Broken, and the connection is closed; ValueError for a header that cannot be sent.
        """
        request = _head(method, target, self._host, headers, len(body)) + body
        self.is_reusable = False
        reader = _Reader(method)
        try:
            self.socket.settimeout(read_timeout_s)
            self.socket.sendall(request)
            while not reader.complete:
                piece = self.socket.recv(_PIECE)
                if piece:
                    reader.parser.feed_data(piece)
                elif not reader.ends():
                    raise Broken
        except TimeoutError:
            self.close()
            raise
        except (OSError, httptools.HttpParserError) as failure:
            self.close()
            raise Broken from failure
        except Broken:
            self.close()
            raise
        self.is_reusable = reader.keeps_open
        return reader.answer

    def close(self) -> None:
        """Never raises."""
        self.is_reusable = False
        self.socket.close()


def _encrypted(plain: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except OSError as failure:
        plain.close()
        if isinstance(failure, TimeoutError):
            raise
        raise NotSent from failure


def _head(method: str, target: str, host: str, headers: Mapping[str, str], length: int) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    for name, value in headers.items():
        if "\r" in value or "\n" in value:
            raise ValueError(f"the header {name} holds a line break")
        if name.lower() not in ("host", "content-length"):
            lines.append(f"{name}: {value}")
    if length or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
