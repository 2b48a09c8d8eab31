"""The trace context that a sender names, where it is one: whatever else stands there is a stranger's text.

https://www.w3.org/TR/trace-context/#traceparent-header
"""

from __future__ import annotations

import re
from typing import Final

_TRACEPARENT: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def traceparent_of(text: str) -> str:
    """The text, or the empty string where it is of another form. It is kept with records and dead letters."""
    return text if _TRACEPARENT.fullmatch(text) else ""
