"""A ticket to a tenant's live updates: short-lived, sealed, and good for nothing else, because it stands in an address.

Each has a number, so that whoever takes it can see whether it was shown before.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.domain.fhir.identity import is_valid_tenant
from shared.errors import Unauthenticated

LASTS: Final = timedelta(minutes=1)
_MAC_BYTES: Final = 32
_MAX_CHARS: Final = 256
_PURPOSE: Final = b"live updates\0"


@dataclass(frozen=True, slots=True)
class Shown:
    """A ticket that is good: for which tenant, its number, and until when it is."""

    tenant: str
    number: str
    until: datetime


class LiveTickets:
    """Sells and takes tickets by one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sell(self, tenant: str, now: datetime, number: str) -> str:
        """A ticket, in letters that an address may have. No other has its `number`, which has no bar in it."""
        told = f"{int((now + LASTS).timestamp())}|{number}|{tenant}".encode()
        return base64.urlsafe_b64encode(self._mac(told) + told).rstrip(b"=").decode()

    def take(self, ticket: str, now: datetime) -> Shown:
        """What it is good for. Raises Unauthenticated for what was not sold here, or too long ago."""
        try:
            sealed = base64.b64decode(ticket + "=" * (-len(ticket) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            sealed = b""
        mac, told = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
        if len(ticket) > _MAX_CHARS or not hmac.compare_digest(mac, self._mac(told)):
            raise Unauthenticated("live-ticket")
        until, _, rest = told.decode().partition("|")
        number, _, tenant = rest.partition("|")
        if now.timestamp() > int(until) or not is_valid_tenant(tenant):
            raise Unauthenticated("live-ticket")
        return Shown(tenant, number, datetime.fromtimestamp(int(until), UTC))

    def _mac(self, told: bytes) -> bytes:
        return hmac.digest(self._key, _PURPOSE + told, hashlib.sha256)
