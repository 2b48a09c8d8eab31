"""Keys and tokens of every kind, good and forged."""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from shared.domain.access.keys import KeySet, parse_key_set
from shared.domain.fhir import json

NOW = 1_774_747_800  # 2026-03-29T01:30:00Z, where the memory clock stands
CLAIMS: dict[str, Any] = {
    "iss": "https://idp.example",
    "aud": "galen",
    "sub": "gateway",
    "tenant": "ward",
    "scope": "system/*.rs",
    "iat": NOW,
    "exp": NOW + 3_600,
}


@cache
def private_key(name: str) -> PrivateKeyTypes:
    """A key by what it is: RSA, P-256, P-384, weak (RSA of 1024 bits), other (P-256)."""
    if name == "RSA":
        return rsa.generate_private_key(65_537, 2_048)
    if name == "weak":
        return rsa.generate_private_key(65_537, 1_024)
    return ec.generate_private_key(ec.SECP384R1() if name == "P-384" else ec.SECP256R1())


def public_jwk(name: str, kid: str, **more: Any) -> dict[str, Any]:
    """The public half as a JWK."""
    public: Any = private_key(name).public_key()
    algorithm: Any = jwt.algorithms.RSAAlgorithm if name in ("RSA", "weak") else jwt.algorithms.ECAlgorithm
    return {**algorithm.to_jwk(public, as_dict=True), "kid": kid, **more}


def key_set(*jwks: dict[str, Any]) -> KeySet:
    """A parsed key set."""
    return parse_key_set({"keys": list(jwks)})


def sign(claims: dict[str, Any], *, key: str = "P-256", alg: str = "ES256", **header: Any) -> str:
    """A token with a good signature; header values of None are left out."""
    headers = {name: value for name, value in {"kid": key, **header}.items() if value is not None}
    return jwt.encode(claims, private_key(key), algorithm=alg, headers=headers)  # type: ignore[arg-type]


def encoded(value: Any) -> str:
    """Base64url of JSON text, or of the text given."""
    text = value if isinstance(value, str) else json.encode(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def compact(header: Any, claims: Any, *, key: str = "P-256") -> str:
    """A token signed over exactly these texts, whatever they are."""
    head, body = encoded(header), encoded(claims)
    algorithm: Any = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
    signature = algorithm.sign(f"{head}.{body}".encode(), private_key(key))
    return f"{head}.{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def hmac_token(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """A token signed with a shared secret, as the confusion attack does with a public key."""
    signed = f"{encoded(header)}.{encoded(claims)}"
    mac = hmac.digest(secret, signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
