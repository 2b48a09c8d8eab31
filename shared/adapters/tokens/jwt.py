"""Access tokens verified and signed with PyJWT."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from shared.domain.access.claims import (
    LEEWAY_S,
    MAX_TOKEN_LIFE_S,
    AccessToken,
    access_token,
    check_audience,
    check_times,
)
from shared.domain.access.compact import Envelope, open_compact
from shared.domain.access.keys import KeySet, VerificationKey, choose, parse_key_set
from shared.domain.access.settings import TrustedIssuer
from shared.domain.fhir import json
from shared.errors import Unauthenticated
from shared.ports.clock import Clock

if TYPE_CHECKING:
    from jwt.types import Options

CACHED_TOKENS: Final = 4_096
_TIMES_ARE_OURS: Final[Options] = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_sub": False,
    "verify_jti": False,
}
"""PyJWT checks the signature; the claims are checked in the domain, against the injected clock and not the wall's."""


class JwtSignatures:
    """SignatureChecker: the gate, the one key that fits, then PyJWT with that key's algorithm alone."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[str, str], jwt.PyJWK] = {}

    def check(self, token: str, keys: KeySet) -> Envelope:
        """See the port."""
        envelope = open_compact(token)
        key = choose(keys, envelope)
        try:
            jwt.decode(
                token, self._load(key, envelope.alg), algorithms=[envelope.alg], options=_TIMES_ARE_OURS
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            raise Unauthenticated("signature") from None
        return envelope

    def _load(self, key: VerificationKey, alg: str) -> jwt.PyJWK:
        name = (json.encode(key.jwk), alg)
        if name not in self._loaded:
            self._loaded[name] = jwt.PyJWK(key.jwk, alg)
        return self._loaded[name]


class JwtVerifier:
    """TokenVerifier for a fixed set of issuers; believed tokens are remembered until they expire."""

    def __init__(
        self, issuers: Sequence[TrustedIssuer], clock: Clock, *, cached_tokens: int = CACHED_TOKENS
    ) -> None:
        self._issuers = tuple(issuers)
        self._clock = clock
        self._signatures = JwtSignatures()
        self._believed: OrderedDict[str, AccessToken] = OrderedDict()
        self._cached_tokens = cached_tokens
        self._lock = threading.Lock()

    def verify(self, token: str) -> AccessToken:
        """See the port. A token seen before costs a dictionary lookup; what is refused is never remembered."""
        now_s = self._clock.now().timestamp()
        with self._lock:
            believed = self._believed.get(token)
            if believed is not None and now_s < believed.expires_at_s + LEEWAY_S:
                self._believed.move_to_end(token)
                return believed
            self._believed.pop(token, None)
        verified = self._verify(token, now_s)
        with self._lock:
            self._believed[token] = verified
            if len(self._believed) > self._cached_tokens:
                self._believed.popitem(last=False)
        return verified

    def _verify(self, token: str, now_s: float) -> AccessToken:
        said = open_compact(token).claims.get("iss")
        issuers = [issuer for issuer in self._issuers if issuer.issuer == said]
        if not issuers:
            raise Unauthenticated("issuer")
        keys = tuple(key for issuer in issuers for key in issuer.keys)
        envelope = self._signatures.check(token, keys)
        signer = next(issuer for issuer in issuers if any(key.fits(envelope) for key in issuer.keys))
        check_audience(envelope.claims, (signer.audience,))
        expires_at_s = check_times(envelope.claims, now_s, max_life_s=MAX_TOKEN_LIFE_S)
        return access_token(
            envelope.claims,
            tenant_claim=signer.tenant_claim,
            tenants=signer.tenants,
            expires_at_s=expires_at_s,
        )


class Es256Signer:
    """TokenSigner with an EC P-256 key; its `kid` is the key's thumbprint (https://www.rfc-editor.org/rfc/rfc7638)."""

    def __init__(self, private_key_pem: str) -> None:
        key = load_pem_private_key(private_key_pem.encode(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ValueError("the token signing key is an EC P-256 private key in PEM")  # noqa: TRY004 - a setting
        self._key = key
        numbers = key.public_key().public_numbers()
        point = {"crv": "P-256", "kty": "EC", "x": _coordinate(numbers.x), "y": _coordinate(numbers.y)}
        self._kid = _base64url(hashlib.sha256(json.encode(point).encode()).digest())
        self._keys = parse_key_set({"keys": [{**point, "kid": self._kid, "use": "sig", "alg": "ES256"}]})

    @property
    def keys(self) -> KeySet:
        """See the port."""
        return self._keys

    def sign(self, claims: dict[str, Any]) -> str:
        """See the port."""
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self._kid})


def _coordinate(number: int) -> str:
    return _base64url(number.to_bytes(32))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
