"""Who may read the metrics: nobody, whoever holds one token of its own, or everybody.

A scraper sends a fixed bearer token:
https://prometheus.io/docs/prometheus/latest/configuration/configuration/#http_config,
which is no token of a tenant: it opens the metrics and nothing else, and no tenant's token opens them.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from shared.errors import Unauthenticated

CLOSED: Final = "closed"
OPEN: Final = "open"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ScrapeAccess:
    """`closed`, `open`, or the SHA-256 of the scraper's token in hex: plain, because tokens are minted, not chosen."""

    rule: str = CLOSED

    def __post_init__(self) -> None:
        if self.rule not in (CLOSED, OPEN) and not _SHA256.fullmatch(self.rule):
            raise ValueError(
                "closed, open, or the SHA-256 of the scraper's token: 64 hex digits in lower case"
            )

    @property
    def is_open(self) -> bool:
        """Whether no token is needed."""
        return self.rule == OPEN

    def require(self, token: str) -> None:
        """Raises Unauthenticated where the token is not the scraper's."""
        shown = sha256(token.encode()).hexdigest()
        if not self.is_open and not hmac.compare_digest(shown, self.rule):
            raise Unauthenticated("not-the-scraper")
