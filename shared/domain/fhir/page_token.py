"""Where a page ended, sealed so that it can travel in a link: bound to the tenant and to the question asked."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

from shared.domain.fhir import json
from shared.domain.fhir.outcome import error
from shared.errors import InputError

MAX_TOKEN_CHARS: Final = 512
MIN_KEY_BYTES: Final = 16
_MAC_BYTES: Final = 16


class PageTokens:
    """Seals and opens page tokens with one key, which every process of the platform shares."""

    def __init__(self, key: bytes) -> None:
        if len(key) < MIN_KEY_BYTES:
            raise ValueError(f"the link signing key has at least {MIN_KEY_BYTES} bytes")
        self._key = key

    def seal(self, tenant: str, question: str, after: tuple[str, str]) -> str:
        """A token that says: go on after this position (sort value, item id)."""
        raw = json.encode(list(after)).encode()
        return base64.urlsafe_b64encode(self._mac(tenant, question, raw) + raw).rstrip(b"=").decode()

    def open(self, tenant: str, question: str, token: str) -> tuple[str, str]:
        """The position. Raises InputError (400) for anything but a token sealed for this tenant and question."""
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            sealed = b""
        mac, raw = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
        if len(token) > MAX_TOKEN_CHARS or not hmac.compare_digest(mac, self._mac(tenant, question, raw)):
            text = "The page link was changed or belongs to another search: start again without _page."
            raise InputError(text, issues=[error("invalid", text, rule="page")])
        value, item_id = json.decode(raw)
        return value, item_id

    def _mac(self, tenant: str, question: str, raw: bytes) -> bytes:
        message = b"\0".join((tenant.encode(), question.encode(), raw))
        return hmac.digest(self._key, message, hashlib.sha256)[:_MAC_BYTES]
