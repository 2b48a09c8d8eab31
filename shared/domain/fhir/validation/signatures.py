"""Whether a Bundle's signature that carries its content carries this Bundle.

https://hl7.org/fhir/R4/signatures.html. The signature itself is not verified: that needs keys and a policy whom to trust.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any, Final

from shared.domain.fhir import json
from shared.domain.fhir.outcome import Issue, error
from shared.errors import InputError

_JOSE: Final = "application/jose"
_PARTS: Final = 3
_BESIDE_CONTENT: Final = frozenset({"id", "meta", "signature"})
"""What the canonical form of a document leaves out: https://hl7.org/fhir/R4/json.html#canonical."""


def signature_issues(bundle: dict[str, Any], path: str) -> Iterator[Issue]:
    """A JSON Web Signature is detached; where it is not, what it signs must be the Bundle around it."""
    signature = bundle.get("signature")
    if not isinstance(signature, dict) or signature.get("sigFormat") != _JOSE:
        return
    data = signature.get("data")
    payload = _payload(data) if isinstance(data, str) else b""
    if not payload:
        return
    text = "A signature of a Bundle is detached: it should not carry what it signs."
    yield Issue("warning", "business-rule", text, f"{path}.signature.data", "signature-attached")
    try:
        signed = json.decode(payload)
    except InputError:
        signed = None
    if not isinstance(signed, dict) or _content(signed) != _content(bundle):
        text = (
            "The content that the signature carries is not this Bundle: it was changed after it was signed."
        )
        yield error("value", text, f"{path}.signature.data", "signature-content")


def _payload(data: str) -> bytes:
    """The middle part of a compact JSON Web Signature; nothing where there is none."""
    try:
        parts = base64.b64decode(data).decode("ascii").split(".")
        return base64.urlsafe_b64decode(parts[1] + "===") if len(parts) == _PARTS else b""
    except (binascii.Error, ValueError):
        return b""


def _content(bundle: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in bundle.items() if name not in _BESIDE_CONTENT}
