"""Whose tokens are believed and who may ask for one, read from settings."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from shared.domain.access.claims import MAX_TOKEN_LIFE_S
from shared.domain.access.keys import KeySet, parse_key_set
from shared.domain.access.scopes import Scope, parse_scope
from shared.domain.fhir import json
from shared.domain.fhir.identity import is_valid_tenant
from shared.errors import InputError

_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_NOBODY: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """Settings of access, as text.

    `issuer` and `audience` name this server; `signing_key_pem` is an EC P-256 private key, and without it there is no
    token endpoint; `clients` is a JSON list of `{client_id, tenant, scopes, secret_sha256 | jwks}`; `trusted_issuers`
    one of `{issuer, jwks, tenants, audience?, tenant_claim?}`, where `tenants` is `["*"]` for any.
    """

    issuer: str
    audience: str
    signing_key_pem: str | None = field(default=None, repr=False)
    clients: str = field(default="[]", repr=False)
    trusted_issuers: str = field(default="[]", repr=False)
    tenant_claim: str = "tenant"
    token_lifetime_s: int = MAX_TOKEN_LIFE_S

    @property
    def token_url(self) -> str:
        """Where clients ask for tokens: what their assertions must name as audience, never taken from a request."""
        return f"{self.issuer.rstrip('/')}/auth/token"


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """An issuer, the keys it signs with, and the tenants it may speak for (empty: any)."""

    issuer: str
    audience: str
    keys: KeySet
    tenant_claim: str = "tenant"
    tenants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client: by a secret of which only the SHA-256 is kept, or by its public keys."""

    client_id: str
    tenant: str
    scopes: tuple[Scope, ...]
    secret_sha256: str = field(default="", repr=False)
    keys: KeySet = ()


def secret_matches(client: Client | None, secret: str) -> bool:
    """Whether the secret is the client's, in the same time for any client and none.

    A plain SHA-256 is enough because secrets are minted with 128 bits or more, not chosen by people.
    """
    expected = client.secret_sha256 if client and client.secret_sha256 else _NOBODY
    return hmac.compare_digest(sha256(secret.encode()).hexdigest(), expected)


def parse_clients(text: str) -> dict[str, Client]:
    """Client id → client. Raises ValueError that says which entry is wrong, and never shows its values."""
    clients = {}
    for index, entry in enumerate(_entries(text, "clients")):
        client = _client(entry, f"clients[{index}]")
        if client.client_id in clients:
            raise ValueError(f"clients[{index}]: the client_id is there twice")
        clients[client.client_id] = client
    return clients


def _client(entry: dict[str, Any], where: str) -> Client:
    client_id, tenant = entry.get("client_id"), entry.get("tenant")
    if not isinstance(client_id, str) or not _CLIENT_ID.fullmatch(client_id):
        raise ValueError(f"{where}.client_id: 1 to 128 letters, digits, '.', '_', ':' and '-'")
    if not isinstance(tenant, str) or not is_valid_tenant(tenant):
        raise ValueError(f"{where}.tenant: lower-case letters, digits and inner hyphens")
    scopes = entry.get("scopes")
    words = scopes.split() if isinstance(scopes, str) else scopes if isinstance(scopes, list) else []
    parsed = [parse_scope(str(word)) for word in words]
    if not parsed or None in parsed:
        raise ValueError(f"{where}.scopes: a list of scopes such as system/Observation.rs")
    secret = entry.get("secret_sha256", "")
    if not isinstance(secret, str) or (secret and not _SHA256.fullmatch(secret)):
        raise ValueError(f"{where}.secret_sha256: 64 lower-case hexadecimal digits")
    keys = _keys(entry["jwks"], where) if "jwks" in entry else ()
    if not secret and not keys:
        raise ValueError(f"{where}: neither secret_sha256 nor jwks with a usable key")
    return Client(client_id, tenant, tuple(scope for scope in parsed if scope), secret, keys)


def parse_trusted_issuers(settings: TokenSettings) -> tuple[TrustedIssuer, ...]:
    """The issuers named in the settings. Raises ValueError that says which entry is wrong."""
    found = []
    for index, entry in enumerate(_entries(settings.trusted_issuers, "trusted_issuers")):
        where = f"trusted_issuers[{index}]"
        issuer, audience = entry.get("issuer"), entry.get("audience", settings.audience)
        claim = entry.get("tenant_claim", settings.tenant_claim)
        if not isinstance(issuer, str) or not isinstance(audience, str) or not isinstance(claim, str):
            raise ValueError(f"{where}: issuer, audience and tenant_claim are texts")  # noqa: TRY004
        tenants = _tenants(entry.get("tenants"), where)
        found.append(TrustedIssuer(issuer, audience, _keys(entry.get("jwks"), where), claim, tenants))
    return tuple(found)


def _tenants(listed: Any, where: str) -> tuple[str, ...]:
    """The tenants an issuer may speak for; empty for any, which must be said and not left out."""
    if listed == ["*"]:
        return ()
    named = listed if isinstance(listed, list) else []
    if not named or not all(isinstance(each, str) and is_valid_tenant(each) for each in named):
        raise ValueError(f'{where}.tenants: a list of tenants, or ["*"] for any')
    return tuple(named)


def _keys(document: Any, where: str) -> KeySet:
    try:
        return parse_key_set(document)
    except ValueError as wrong:
        raise ValueError(f"{where}.jwks: {wrong}") from None


def _entries(text: str, name: str) -> list[dict[str, Any]]:
    try:
        entries = json.decode(text or "[]")
    except InputError as wrong:
        raise ValueError(f"{name}: {wrong.text}") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{name}: a JSON list of objects")
    return entries
