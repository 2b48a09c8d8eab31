"""HTTP to another organisation's server, which may name further addresses but not choose whom we ask with our token.

What such a server names is data of a stranger (OWASP, Server-Side Request Forgery Prevention): no redirect is followed,
only trusted origins get the token, and any other is resolved first and asked only at a public address, by TLS.
https://hl7.org/fhir/uv/bulkdata/STU2/export.html#security-considerations
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterable
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

_TIMEOUT_S: Final = 60
_INSIDE: Final = "the server named an address inside a private network: nothing was asked there"
_PORTS: Final = {"http": 80, "https": 443}
Origin = tuple[str, str, int]
"""Scheme, host in lower case, port (RFC 6454)."""


class AddressRefused(ValueError):
    """An address that is not asked; the sentence says why."""


def origin_of(url: str) -> Origin:
    """The origin of an address with `http` or `https`; raises AddressRefused for any other and for ambiguous ones."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("an address that the server named is none") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise AddressRefused("an address begins with https:// or http://")
    if "@" in parts.netloc or "\\" in url or any(letter <= " " or letter == "\x7f" for letter in url):
        raise AddressRefused("an address has no user, no backslash and no blank")
    return parts.scheme, parts.hostname.lower(), port or _PORTS[parts.scheme]


def is_loopback(origin: Origin) -> bool:
    """Whether the origin is a server of this machine, by its name."""
    host = origin[1]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class PartnerHttp:
    """Asks a server and whoever it names. `trusted` are the origins that get the token and may be inside our network."""

    def __init__(self, trusted: Iterable[str], token: str) -> None:
        self._trusted = frozenset(map(origin_of, trusted))
        for origin in self._trusted:
            if origin[0] == "http" and not is_loopback(origin):
                raise AddressRefused("a FHIR server is asked by https://, by http:// only on this machine")
        self._token = token
        proxies = urllib.request.getproxies()
        # Only TLS goes through a proxy: the rest stays on this machine. A proxy resolves names, and decides what is inside.
        proxied = urllib.request.ProxyHandler({"https": proxies["https"]} if "https" in proxies else {})
        self._opener = urllib.request.build_opener(proxied, _NoRedirects, _Guarded(self._trusted))

    def open(self, method: str, url: str, headers: dict[str, str], *, with_token: bool) -> Any:
        """The answer, whatever its status; raises AddressRefused, and OSError or HTTPException where none came."""
        origin = origin_of(url)
        if origin not in self._trusted and origin[0] != "https":
            raise AddressRefused("the server named an address of another server that is not https://")
        if origin not in self._trusted and _is_inside(origin[1]):
            raise AddressRefused(_INSIDE)
        if self._token and with_token and origin in self._trusted:
            headers = headers | {"Authorization": f"Bearer {self._token}"}
        request = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310 - checked above
        try:
            return self._opener.open(request, timeout=_TIMEOUT_S)
        except urllib.error.HTTPError as answered:
            return answered
        except UnicodeError:
            raise AddressRefused("an address that the server named is none") from None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """None: the redirect is the answer."""


class _Guarded(urllib.request.HTTPSHandler, urllib.request.HTTPHandler):
    """Connects to the very addresses that were looked at, so that a name cannot change between the two."""

    def __init__(self, trusted: frozenset[Origin]) -> None:
        super().__init__()
        self._trusted = trusted

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Plain, trusted=self._trusted), req)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Secure, trusted=self._trusted), req)


class _Plain(http.client.HTTPConnection):
    def __init__(self, host: str, *, trusted: frozenset[Origin], **options: Any) -> None:
        super().__init__(host, **options)
        self._inside = ("http", self.host.lower(), self.port) in trusted

    def connect(self) -> None:
        self.sock = _connected(self.host, self.port, self.timeout, may_be_inside=self._inside)


class _Secure(http.client.HTTPSConnection):
    def __init__(self, host: str, *, trusted: frozenset[Origin], **options: Any) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(host, context=self._tls, **options)
        self._inside = ("https", self.host.lower(), self.port) in trusted
        self._proxied = False

    def set_tunnel(self, *to: Any, **options: Any) -> None:
        self._proxied = True
        super().set_tunnel(*to, **options)

    def connect(self) -> None:
        if self._proxied:
            super().connect()
            return
        plain = _connected(self.host, self.port, self.timeout, may_be_inside=self._inside)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


def _connected(host: str, port: int, timeout_s: float | None, *, may_be_inside: bool) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if not may_be_inside and not all(_is_public(str(place[0])) for *_, place in found):
        raise AddressRefused(_INSIDE)
    failed: OSError = OSError("no address")
    for family, kind, protocol, _, place in found:
        opened = socket.socket(family, kind, protocol)
        try:
            opened.settimeout(timeout_s)
            opened.connect(place)
        except OSError as error:
            opened.close()
            failed = error
        else:
            return opened
    raise failed


def _is_inside(host: str) -> bool:
    """Whether the host itself, before any name is resolved, is of a private network."""
    try:
        return not _is_public(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    inner = getattr(address, "ipv4_mapped", None) or address
    return bool(inner.is_global and not inner.is_multicast)
