"""JSON over HTTP for the services that are asked a few times an hour: no kept connection, no SDK."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

from shared.errors import Busy, Fault, Unavailable

_TIMEOUT_S: Final = 30
_BUSY: Final = (429, 503)


def ask(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    *,
    who: str = "The service that runs jobs",
    timeout_s: float = _TIMEOUT_S,
) -> dict[str, Any]:
    """The JSON object that answers. Raises Busy (429, 503), Unavailable (no answer, 5xx), Fault (refused, 4xx).

    What the service said of a refusal is not repeated: it may name what was sent. `who` is asked, in errors.
    """
    request = urllib.request.Request(url, data=body, headers=dict(headers), method=method)  # noqa: S310 - a setting
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310 - as above
            found = json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as refused:
        refused.close()
        raise _error(who, refused.code, refused.headers.get("Retry-After", "")) from None
    except (OSError, ValueError, http.client.HTTPException) as failure:
        raise Unavailable(f"{who} did not answer; what was asked may have been done.") from failure
    return found if isinstance(found, dict) else {}


def _error(who: str, status: int, retry_after: str) -> Busy | Unavailable | Fault:
    if status in _BUSY:
        seconds = float(retry_after) if retry_after.isdigit() else None
        return Busy(f"{who} asks to wait.", retry_after_s=seconds)
    if status >= 500:
        return Unavailable(f"{who} failed; what was asked may have been done.")
    if status in (401, 403):
        return Fault(f"{who} refuses this identity: it lacks the right to what was asked.")
    return Fault(f"{who} refused the request with status {status}.")
