"""Whether a narrative is beyond doubt harmless. The same ones come again and again: those found good are kept by digest."""

from __future__ import annotations

from typing import Final

from shared.domain.fhir.narrative import read_narrative

MAX_NARRATIVES: Final = 4096

_GOOD: Final[dict[bytes, None]] = {}


def is_plain_narrative(div: str) -> bool:
    """Whether `div` has no fault, and no link into the resource that would have to be sought there."""
    from hashlib import blake2b

    digest = blake2b(div.encode(), digest_size=16).digest()
    if digest in _GOOD:
        return True
    found = read_narrative(div)
    if found.faults or any(link not in found.names for link in found.local_links):
        return False
    if len(_GOOD) >= MAX_NARRATIVES:
        _GOOD.clear()
    _GOOD[digest] = None
    return True
