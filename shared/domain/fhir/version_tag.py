"""The tag that names a version of a resource: its ETag, and what If-Match asks for.

https://hl7.org/fhir/R4/http.html#concurrency
"""

from __future__ import annotations

import re
from typing import Final

ANY: Final = "*"
_TAG: Final = re.compile(r'(?:W/)?"?([A-Za-z0-9\-.]{1,64})"?')


def version_in(tag: str) -> str | None:
    """The version that one tag names, weak or strong, quoted or not; `*` for any; None where it is no tag."""
    text = tag.strip()
    if text == ANY:
        return ANY
    match = _TAG.fullmatch(text)
    return match[1] if match else None
