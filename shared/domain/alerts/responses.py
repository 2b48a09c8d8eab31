"""Which score calls for which response, as data.

NEWS2: Royal College of Physicians 2017, chart 2 "NEWS thresholds and triggers" and chart 4 "Clinical
response": a total of 7 or more is the threshold for an emergency response; 5 or 6 is the key threshold for an
urgent response; 3 in any single parameter is an urgent ward-based response; 0 to 4 is a ward-based response,
recorded only.
qSOFA: Singer M et al., JAMA 2016;315(8):801-810: two or more of the criteria prompt to look for organ
dysfunction and to escalate care, https://doi.org/10.1001/jama.2016.0287
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """P1 is an emergency, P2 is urgent."""

    P1 = "P1"
    P2 = "P2"


@dataclass(frozen=True, slots=True)
class Response:
    """The response from a total, or from the points of a single parameter, upwards."""

    model: str
    severity: Severity
    name: str
    from_total: int | None = None
    from_single: int | None = None


# Strongest first: the first that a score reaches is its response.
RESPONSES: tuple[Response, ...] = (
    Response("news2", Severity.P1, "emergency response", from_total=7),
    Response("news2", Severity.P2, "urgent response", from_total=5),
    Response("news2", Severity.P2, "urgent ward-based response", from_single=3),
    Response("qsofa", Severity.P2, "look for organ dysfunction, escalate care", from_total=2),
)


def response_to(model: str, total: int, highest: int) -> Response | None:
    """The response to a score with this total and this highest single parameter; None: recorded only."""
    for response in RESPONSES:
        if response.model != model:
            continue
        if response.from_total is not None and total >= response.from_total:
            return response
        if response.from_single is not None and highest >= response.from_single:
            return response
    return None
