"""Whether a web page may be behind a request to a server of this machine.

Keys and signatures are no fence here: the emulators' are published, and a browser runs on this machine too. A page of
another site gives itself away by `Origin`, which stands on every WebSocket handshake, and a page whose name was bound
to 127.0.0.1 by `Host` (RFC 6454, section 7; RFC 6455, section 10.2; https://fetch.spec.whatwg.org/#origin-header).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_LOOPBACK: Final = re.compile(
    r"(?:127(?:\.[0-9]{1,3}){3}|(?:[a-z0-9_-]+\.)*localhost|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE
)
"""A name below `localhost` never leaves the machine (RFC 6761, section 6.3)."""
_ORIGIN: Final = re.compile(r"https?://([^/]*)", re.IGNORECASE)


def listens_locally(address: str) -> bool:
    """Whether a server at the address is out of reach of other machines."""
    return _LOOPBACK.fullmatch(f"[{address}]" if ":" in address else address) is not None


@dataclass(frozen=True, slots=True)
class Callers:
    """Whom a server answers. One that listens for other machines cannot know by which names they call it."""

    local_only: bool = True

    def admit(self, fields: Iterable[tuple[str, str]]) -> bool:
        """Whether none of the header fields names a page of another site; names of fields in any case."""
        given = [(name.lower(), value.strip()) for name, value in fields]
        hosts = [value for name, value in given if name == "host"]
        if self.local_only and not all(map(_LOOPBACK.fullmatch, hosts)):
            return False
        return all(self._is_ours(value, hosts) for name, value in given if name == "origin")

    def _is_ours(self, origin: str, hosts: list[str]) -> bool:
        found = _ORIGIN.fullmatch(origin)
        if found is None:
            return False
        return _LOOPBACK.fullmatch(found[1]) is not None or (not self.local_only and hosts == [found[1]])

    def admit_raw(self, fields: Iterable[tuple[bytes, bytes]]) -> bool:
        """The same of the fields of an ASGI scope."""
        named = (pair for pair in fields if pair[0].lower() in (b"host", b"origin"))
        return self.admit((name.decode("latin-1"), value.decode("latin-1")) for name, value in named)
