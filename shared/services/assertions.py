"""Client assertions are used once: a create-if-absent in the records decides who came first."""

from __future__ import annotations

import hashlib
from typing import Final

from shared.domain.fhir.identity import HOME_LENGTH
from shared.domain.records import Kind
from shared.errors import AlreadyExists, Unavailable
from shared.ports.records import Records

KEPT_S: Final = 600
"""Twice the longest life of an assertion: the store may forget it after that (its `ttl`)."""


class RecordedAssertions:
    """UsedAssertions over the records container, so that every process sees the same uses."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def first_use(self, client_id: str, tenant: str, jti: str, expires_at_s: int) -> bool:
        """See the port. A lost answer counts as used: the client signs another assertion."""
        digest = hashlib.sha256(f"{client_id}\0{jti}".encode()).hexdigest()
        item = {
            "id": f"assertion.{digest}",
            "tenant": tenant,
            "home": digest[:HOME_LENGTH],
            "kind": Kind.ASSERTION.value,
            "expiresAt": expires_at_s,
            "ttl": KEPT_S,
        }
        try:
            self._records.create(item)
        except AlreadyExists:
            return False
        except Unavailable:
            raise Unavailable("It is not known whether the assertion was used; sign a new one.") from None
        return True
