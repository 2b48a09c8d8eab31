"""Whether a narrative is beyond doubt harmless. The same ones come again and again: those found good are kept by digest."""

from __future__ import annotations

from typing import Final

from shared.domain.fhir.validation.bundle_index import names_in
from shared.domain.fhir.validation.fast.context import CONTEXT

MAX_NARRATIVES: Final = 4096
_LONGEST_LINKS: Final = 1000

_GOOD: Final[dict[bytes, tuple[str, ...]]] = {}
"""Digest → the names that it links to and does not have."""


def is_plain_narrative(div: str) -> bool:
    """Whether `div` has no fault, and each link into the resource or the Bundle around it has its target there."""
    from hashlib import blake2b

    digest = blake2b(div.encode(), digest_size=16).digest()
    outward = _GOOD.get(digest)
    if outward is None:
        from shared.domain.fhir.narrative import read_narrative

        found = read_narrative(div)
        if found.faults:
            return False
        outward = tuple(dict.fromkeys(link for link in found.local_links if link not in found.names))
        if sum(map(len, outward)) <= _LONGEST_LINKS:
            if len(_GOOD) >= MAX_NARRATIVES:
                _GOOD.clear()
            _GOOD[digest] = outward
    return not outward or all(map(_has_name, outward))


def _has_name(name: str) -> bool:
    reading = CONTEXT.reading
    if reading.contained and name in reading.contained:
        return True
    if reading.names is None:
        reading.names = names_in(reading.root)
    return name in reading.names or (reading.bundle is not None and name in reading.bundle.names())
