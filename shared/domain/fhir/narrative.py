"""Whether a narrative's XHTML holds only what FHIR allows: formatting, images and links, nothing active.

https://hl7.org/fhir/R4/narrative.html#security and invariants txt-1, txt-2. An allow-list: what is not on it is refused.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

_ELEMENTS: Final = frozenset(
    """
    a abbr acronym address b bdo big blockquote br caption cite code col colgroup dd del dfn div dl dt em
    h1 h2 h3 h4 h5 h6
    hr i img ins kbd li ol p pre q s samp small span strike strong sub sup table tbody td tfoot th thead tr
    tt u ul var
    """.split()  # noqa: SIM905
)
_ATTRIBUTES: Final = frozenset(
    """
    abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff
    charset cite
    class colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap
    rel rev rowspan rules
    scope shape span src start style summary tabindex title type valign value vspace width xml:lang
    xml:space xmlns
    """.split()  # noqa: SIM905
)
_LINKS: Final = frozenset({"href", "src", "cite", "longdesc"})
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.\-]*):", re.IGNORECASE)
_SAFE_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel"})
_SAFE_DATA: Final = re.compile(r"data:image/(png|gif|jpe?g|webp)[;,]", re.IGNORECASE)
_INVISIBLE: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f\ufeff]")
_ACTIVE_STYLE: Final = re.compile(r"expression|javascript|behavior|@import|url\(", re.IGNORECASE)


class _Refused(Exception):
    """Something that is not on the list."""


class _Reader(HTMLParser):
    """Raises at the first thing that is not allowed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _ELEMENTS or (self.elements == 0 and tag != "div"):
            raise _Refused
        self.elements += 1
        for name, value in attrs:
            _require_safe(name, value or "")

    def handle_decl(self, decl: str) -> None:  # noqa: ARG002 - the library's face
        raise _Refused

    def handle_pi(self, data: str) -> None:  # noqa: ARG002
        raise _Refused

    def unknown_decl(self, data: str) -> None:  # noqa: ARG002
        raise _Refused


def _require_safe(name: str, value: str) -> None:
    if name not in _ATTRIBUTES:
        raise _Refused
    if name == "style" and _ACTIVE_STYLE.search(_INVISIBLE.sub("", value)):
        raise _Refused
    if name in _LINKS:
        address = _INVISIBLE.sub("", value)
        scheme = _SCHEME.match(address)
        if scheme and scheme[1].lower() not in _SAFE_SCHEMES and not _SAFE_DATA.match(address):
            raise _Refused


def is_safe_narrative(div: str) -> bool:
    """Whether `div` is one `<div>` of allowed elements and attributes, without scripts, forms, frames or active links."""
    if not div.lstrip().startswith("<div"):
        return False
    reader = _Reader()
    try:
        reader.feed(div)
        reader.close()
    except (_Refused, AssertionError):
        return False
    return reader.elements > 0
