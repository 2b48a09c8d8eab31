"""The grammar of search values: query strings, lists, escapes, tokens, approximate dates.

https://hl7.org/fhir/R4/search.html#escaping and https://hl7.org/fhir/R4/search.html#token
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

from shared.domain.fhir.dates import Range, earlier, instant_text, later
from shared.domain.fhir.identity import is_valid_id
from shared.domain.fhir.outcome import error
from shared.domain.fhir.search_index import NO_SYSTEM, escaped
from shared.errors import InputError

MAX_PARAMETERS: Final = 50
_FORMATS: Final = ("json", "text/json", "application/json", "application/fhir+json")
_PART: Final = re.compile(r"(?:\\.|[^\\,])+", re.DOTALL)
_BAR: Final = re.compile(r"((?:\\.|[^\\|])*)\|((?:\\.|[^\\|])*)", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(.?)", re.DOTALL)


def refuse(text: str, *, code: str = "invalid", status: int = 400) -> InputError:
    """An error about a search; the text never shows a value."""
    return InputError(text, issues=[error(code, text, rule="search")], status=status)


def require_json(value: str) -> None:
    """Raise InputError (406) where `_format` asks for anything but JSON."""
    if value.replace(" ", "+") not in _FORMATS:
        raise refuse("_format is json: this server speaks no other.", code="not-supported", status=406)


def too_many() -> InputError:
    return refuse(f"A search has at most {MAX_PARAMETERS} parameters.", code="too-costly")


def parse_query(query: str | bytes) -> list[tuple[str, str]]:
    """Name and value of each parameter of a query string, in order, empty ones too. Raises InputError (400)."""
    if not query:
        return []
    try:
        text = query.decode("ascii") if isinstance(query, bytes) else query
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except UnicodeError:
        raise refuse("The query string is not percent-encoded UTF-8.") from None
    except ValueError:
        raise too_many() from None


def split(value: str) -> list[str] | None:
    """The alternatives that commas separate, still escaped; None where one of them is empty."""
    parts = _PART.findall(value)
    commas = re.sub(r"\\.", "", value, flags=re.DOTALL).count(",")
    return parts if parts and len(parts) == commas + 1 else None


def unescape(text: str) -> str:
    """The text without the backslashes that stand before a backslash, a comma, a bar or a dollar sign."""

    def character(match: re.Match[str]) -> str:
        if match[1] not in ("\\", ",", "|", "$"):
            raise refuse(r"A backslash stands before one of \ , | $ only.")
        return match[1]

    return _ESCAPE.sub(character, text)


def token(name: str, part: str) -> str:
    """`code`, `system|code`, `|code` (no system) or `system|` (any code) as the index writes it."""
    match = _BAR.fullmatch(part)
    if match is None:
        if "|" in re.sub(r"\\.", "", part, flags=re.DOTALL):
            raise refuse(
                f"{name} has at most one bar between system and code; a bar within one is written \\|."
            )
        return f"|{escaped(unescape(part))}"
    system, code = escaped(unescape(match[1])), escaped(unescape(match[2]))
    if not system and not code:
        raise refuse(f"{name} has neither a system nor a code.")
    return f"{system or NO_SYSTEM}|{code}"


def valid_id(name: str, text: str) -> str:
    """The text, which must be able to be a logical id."""
    if not is_valid_id(text):
        raise refuse(f"{name} holds something that cannot be an id: 1 to 64 letters, digits, '-' and '.'.")
    return text


def about(value: Range, now: datetime) -> Range:
    """A tenth of the distance to now on either side, as the specification suggests."""
    lo, hi = datetime.fromisoformat(value.lo), datetime.fromisoformat(value.hi)
    slack = abs(now - lo) / 10
    return Range(instant_text(earlier(lo, slack)), instant_text(later(hi, slack)))
