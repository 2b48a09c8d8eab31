"""The token endpoint: client credentials, by secret or by signed assertion.

https://www.rfc-editor.org/rfc/rfc6749#section-4.4, https://www.rfc-editor.org/rfc/rfc7523 and
https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus

from shared.domain.access.claims import check_audience, check_times, text_claim
from shared.domain.access.compact import ALGORITHMS, MAX_TOKEN_CHARS, open_compact
from shared.domain.access.scopes import Scope, parse_scope
from shared.domain.access.settings import Client, TokenSettings, secret_matches
from shared.errors import Unauthenticated
from shared.ports.clock import Clock, Randomness
from shared.ports.tokens import SignatureChecker, TokenSigner, UsedAssertions

MAX_ASSERTION_LIFE_S: Final = 300
ASSERTION_ALGORITHMS: Final = tuple(ALGORITHMS)
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class TokenRefused(Exception):
    """An error of RFC 6749, section 5.2: `code` for the client, `reason` for the counters."""

    def __init__(self, code: str, text: str, *, reason: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.reason = reason or code


@dataclass(frozen=True, slots=True)
class Grant:
    """A token and what it is good for."""

    access_token: str
    expires_in_s: int
    scope: str


class TokenEndpoint:
    """Grants access tokens to registered clients and publishes the keys that verify them."""

    def __init__(
        self,
        settings: TokenSettings,
        clients: Mapping[str, Client],
        signer: TokenSigner,
        signatures: SignatureChecker,
        used: UsedAssertions,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._settings = settings
        self._clients = clients
        self._signer = signer
        self._signatures = signatures
        self._used = used
        self._clock = clock
        self._randomness = randomness

    def grant(self, form: Mapping[str, str], authorization: str | None) -> Grant:
        """A token for a form of the token endpoint and the request's Authorization header. Raises TokenRefused."""
        if form.get("grant_type") != "client_credentials":
            code = "unsupported_grant_type" if "grant_type" in form else "invalid_request"
            raise TokenRefused(code, "grant_type must be client_credentials.")
        client = self._authenticate(form, authorization)
        scopes = _scopes(client, form.get("scope", ""))
        return self.issue(client.client_id, client.tenant, scopes)

    def issue(self, client_id: str, tenant: str, scopes: Sequence[Scope]) -> Grant:
        """A token for a client that has shown who it is."""
        now_s = int(self._clock.now().timestamp())
        life_s = self._settings.token_lifetime_s
        scope = " ".join(str(scope) for scope in scopes)
        claims = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": client_id,
            self._settings.tenant_claim: tenant,
            "scope": scope,
            "iat": now_s,
            "exp": now_s + life_s,
            "jti": self._randomness.hex(32),
        }
        return Grant(self._signer.sign(claims), life_s, scope)

    def key_set(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key set."""
        return {"keys": [key.jwk for key in self._signer.keys]}

    def smart_configuration(self) -> dict[str, Any]:
        """https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html"""
        return {
            "issuer": self._settings.issuer,
            "jwks_uri": f"{self._settings.issuer.rstrip('/')}/auth/jwks",
            "token_endpoint": self._settings.token_url,
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic",
                "client_secret_post",
                "private_key_jwt",
            ],
            "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
            "scopes_supported": ["system/*.cruds", "system/*.rs"],
            "capabilities": [
                "client-confidential-symmetric",
                "client-confidential-asymmetric",
                "permission-v1",
                "permission-v2",
            ],
        }

    def _authenticate(self, form: Mapping[str, str], authorization: str | None) -> Client:
        assertion = form.get("client_assertion")
        shown = [authorization is not None, "client_secret" in form, assertion is not None]
        if shown.count(True) != 1:
            text = "Show exactly one of: HTTP Basic, client_secret, client_assertion."
            raise TokenRefused("invalid_client" if not any(shown) else "invalid_request", text)
        if assertion is not None:
            return self._by_assertion(form, assertion)
        client_id, secret = (
            _basic(authorization) if authorization else (form.get("client_id", ""), form["client_secret"])
        )
        client = self._clients.get(client_id)
        is_one = form.get("client_id", client_id) == client_id
        if not secret_matches(client, secret) or client is None or not is_one:
            raise TokenRefused("invalid_client", "Client authentication failed.", reason="client-secret")
        return client

    def _by_assertion(self, form: Mapping[str, str], assertion: str) -> Client:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise TokenRefused("invalid_request", f"client_assertion_type must be {ASSERTION_TYPE}.")
        try:
            return self._asserted(assertion, form.get("client_id"))
        except Unauthenticated as refused:
            reason = f"assertion-{refused.reason}"
            raise TokenRefused("invalid_client", "Client authentication failed.", reason=reason) from None

    def _asserted(self, assertion: str, client_id: str | None) -> Client:
        if len(assertion) > MAX_TOKEN_CHARS:
            raise Unauthenticated("too-long")
        said = open_compact(assertion).claims.get("iss")
        client = self._clients.get(said) if isinstance(said, str) else None
        if client is None or not client.keys or client_id not in (None, client.client_id):
            raise Unauthenticated("client")
        claims = self._signatures.check(assertion, client.keys).claims
        if text_claim(claims, "iss") != text_claim(claims, "sub"):
            raise Unauthenticated("subject")
        check_audience(claims, (self._settings.token_url, self._settings.issuer))
        expires_at_s = self._check_assertion_times(claims)
        if not self._used.first_use(client.client_id, client.tenant, text_claim(claims, "jti"), expires_at_s):
            raise Unauthenticated("replayed")
        return client

    def _check_assertion_times(self, claims: dict[str, Any]) -> int:
        """`iat` is optional in an assertion: without it `exp` must be at most five minutes from now."""
        now_s = self._clock.now().timestamp()
        dated = claims if "iat" in claims else {**claims, "iat": int(now_s) - 1}
        return check_times(dated, now_s, max_life_s=MAX_ASSERTION_LIFE_S + (0 if "iat" in claims else 1))


def _basic(authorization: str) -> tuple[str, str]:
    """Client id and secret of HTTP Basic, each form-encoded as RFC 6749, section 2.3.1 says."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError:  # not Base64, not ASCII, not UTF-8
        text = ""
    client_id, colon, secret = text.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise TokenRefused("invalid_client", "The Authorization header is not HTTP Basic.", reason="basic")
    return unquote_plus(client_id), unquote_plus(secret)


def _scopes(client: Client, requested: str) -> tuple[Scope, ...]:
    """The requested scopes that the client is registered for; all of its own where none is named."""
    if not requested.strip():
        return client.scopes
    parsed = list(dict.fromkeys(parse_scope(word) for word in requested.split()))
    if None in parsed:
        raise TokenRefused(
            "invalid_scope", "A scope is malformed: system/<type>.<subset of cruds, in that order>."
        )
    allowed = tuple(s for s in parsed if s and any(own.covers(s) for own in client.scopes))
    if not allowed:
        raise TokenRefused("invalid_scope", "The client is not registered for any of these scopes.")
    return allowed
