"""The strict gate in front of signature checks: a JWS in compact form, taken apart, or refused.

https://www.rfc-editor.org/rfc/rfc7515#section-3.1 and https://www.rfc-editor.org/rfc/rfc8725 (best practice).
No JOSE library for Python refuses every invalid signature of the Wycheproof set; what they let pass ends here.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any, Final

from shared.domain.fhir import json
from shared.errors import InputError, Unauthenticated

MAX_TOKEN_CHARS: Final = 8_192
_PART: Final = re.compile(r"[A-Za-z0-9_-]+")
_KID: Final = re.compile(r"[A-Za-z0-9_.:=+-]{1,128}")
_TYPES: Final = ("jwt", "at+jwt")
_FORBIDDEN_HEADERS: Final = ("b64", "crit", "cty", "enc", "jku", "jwk", "x5c", "x5u", "zip")
ALGORITHMS: Final = {
    "RS256": ("RSA", ""),
    "RS384": ("RSA", ""),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
}
"""Algorithm → key type and curve."""
_SIGNATURE_BYTES: Final = {"ES256": 64, "ES384": 96}


@dataclass(frozen=True, slots=True)
class Envelope:
    """Header values that chose the key, and the claims, which mean nothing before the signature is checked."""

    alg: str
    kid: str
    claims: dict[str, Any]


def open_compact(token: str) -> Envelope:
    """Take a token apart. Raises Unauthenticated with a reason for the counters."""
    if len(token) > MAX_TOKEN_CHARS:
        raise Unauthenticated("too-long")
    parts = token.split(".")
    if len(parts) != 3:
        raise Unauthenticated("not-compact")
    raw_header, raw_claims, signature = (_decode(part) for part in parts)
    header = _object(raw_header)
    if any(name in header for name in _FORBIDDEN_HEADERS):
        raise Unauthenticated("header")
    type_ = header.get("typ", "JWT")
    if not isinstance(type_, str) or type_.lower() not in _TYPES:
        raise Unauthenticated("type")
    alg, kid = header.get("alg"), header.get("kid")
    if not isinstance(alg, str) or alg not in ALGORITHMS:
        raise Unauthenticated("algorithm")
    if not isinstance(kid, str) or not _KID.fullmatch(kid):
        raise Unauthenticated("kid")
    if len(signature) != _SIGNATURE_BYTES.get(alg, len(signature)):
        raise Unauthenticated("signature")
    return Envelope(alg, kid, _object(raw_claims))


def _decode(part: str) -> bytes:
    """Base64url in its one canonical form: no padding, no other characters, no stray bits in the last one."""
    if not _PART.fullmatch(part) or len(part) % 4 == 1:
        raise Unauthenticated("base64url")
    raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise Unauthenticated("base64url")
    return raw


def _object(raw: bytes) -> dict[str, Any]:
    try:
        return json.decode_object(raw)
    except InputError:
        raise Unauthenticated("json") from None
