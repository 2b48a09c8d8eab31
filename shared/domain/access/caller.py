"""Who is calling, as the verified token says, and what that caller may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.domain.access.scopes import PERMISSIONS, Scope, granted
from shared.domain.fhir.outcome import error
from shared.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Caller:
    """A client of one tenant, with the trace and the hash of the request it makes."""

    client: str
    tenant: str
    scopes: tuple[Scope, ...]
    trace: str = ""
    request_sha256: str = ""

    def may(self, type_: str, interaction: str) -> bool:
        """Whether a scope allows `create`, `read`, `update`, `delete` or `search` on a type."""
        return granted(self.scopes, type_, interaction)

    def require(self, type_: str, interaction: str) -> None:
        """Raises Forbidden, naming the scope that is missing."""
        if not self.may(type_, interaction):
            text = f"The token lacks the scope system/{type_}.{PERMISSIONS[interaction]}."
            raise Forbidden(text, issues=[error("forbidden", text, rule="scope")])


ANONYMOUS: Final = Caller(client="", tenant="", scopes=())
"""The caller of the entry points that need no token."""
