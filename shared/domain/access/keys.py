"""Public keys as JSON Web Key sets: read strictly, and chosen by `kid` and key type together.

https://www.rfc-editor.org/rfc/rfc7517
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Final

from shared.domain.access.compact import ALGORITHMS, Envelope
from shared.errors import Unauthenticated

MIN_RSA_BITS: Final = 2_048
MAX_RSA_BITS: Final = 8_192
_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One public key that may verify signatures."""

    kid: str
    kty: str
    curve: str
    alg: str
    jwk: dict[str, Any]

    def fits(self, envelope: Envelope) -> bool:
        """Whether id, type, curve and declared algorithm are those the header asks for."""
        return (
            self.kid == envelope.kid
            and (self.kty, self.curve) == ALGORITHMS[envelope.alg]
            and self.alg in ("", envelope.alg)
        )


KeySet = tuple[VerificationKey, ...]


def choose(keys: KeySet, envelope: Envelope) -> VerificationKey:
    """The one key that fits. Raises Unauthenticated where none or several do."""
    fitting = [key for key in keys if key.fits(envelope)]
    if len(fitting) != 1:
        raise Unauthenticated("key")
    return fitting[0]


def parse_key_set(document: Any) -> KeySet:
    """The verification keys of a key set. Raises ValueError, which names no key material, where a key must not be in it.

    Keys for other uses (`use: enc`) and of types that this server does not verify with are left out.
    """
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError("a key set is an object with a list `keys`")  # noqa: TRY004 - a wrong setting
    return tuple(key for entry in entries if (key := _key(entry)))


def _key(jwk: Any) -> VerificationKey | None:
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str):
        raise ValueError("each key of a key set is an object with a text `kid`")  # noqa: TRY004
    if jwk.get("kty") == "oct" or any(name in jwk for name in _PRIVATE):
        raise ValueError("a key set holds public keys only, and this one has a private or a symmetric key")
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    kty, curve, alg = jwk.get("kty"), jwk.get("crv", ""), jwk.get("alg", "")
    if (kty, curve) not in ALGORITHMS.values() or (alg and ALGORITHMS.get(alg) != (kty, curve)):
        return None
    assert isinstance(kty, str)
    if kty == "RSA" and not MIN_RSA_BITS <= _bits(jwk.get("n")) <= MAX_RSA_BITS:
        raise ValueError(f"an RSA key has {MIN_RSA_BITS} to {MAX_RSA_BITS} bits")
    return VerificationKey(jwk["kid"], kty, curve, alg, jwk)


def _bits(modulus: Any) -> int:
    if not isinstance(modulus, str):
        return 0
    try:
        return int.from_bytes(base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))).bit_length()
    except ValueError:
        return 0
