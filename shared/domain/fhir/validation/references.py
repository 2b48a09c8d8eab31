"""The forms of a reference and the resource type that its text tells.

https://hl7.org/fhir/R4/references.html#literal
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

import msgspec

from shared.domain.fhir.resource_types import RESOURCE_TYPES
from shared.domain.fhir.validation.primitives import is_absolute

_ID: Final = r"[A-Za-z0-9\-.]{1,64}"
_TYPE: Final = r"[A-Z][A-Za-z]{1,63}"
_RELATIVE: Final = re.compile(rf"({_TYPE})/({_ID})(?:/_history/({_ID}))?(?:#.*)?")
_CONDITIONAL: Final = re.compile(rf"({_TYPE})\?.+")
_TAIL: Final = re.compile(rf"/({_TYPE})/({_ID})(?:/_history/({_ID}))?\Z")
_SPACE: Final = re.compile(r"\s")
_HTTP: Final = re.compile(r"https?://", re.IGNORECASE)
_LONGEST_TAIL: Final = 220
"""Type, id, `_history`, version and their slashes: a tail is sought in no more than this, however long a URL is."""


class Form(StrEnum):
    """How a reference is written. `WRONG` is no reference at all."""

    LOCAL = "#id"
    RELATIVE = "Type/id"
    CONDITIONAL = "Type?search"
    ABSOLUTE = "url"
    WRONG = "wrong"


class Link(msgspec.Struct, frozen=True):
    """A reference's text, read: what of `type_name`, `id`, `version` and `base` its form tells, else ""."""

    form: Form
    type_name: str = ""
    id: str = ""
    version: str = ""
    base: str = ""


_WRONG: Final = Link(Form.WRONG)


def read_reference(text: str) -> Link:
    """The parts of `Reference.reference`. An absolute URL tells its type only where it ends as a REST URL does."""
    if text.startswith("#"):
        return Link(Form.LOCAL, id=text[1:])
    relative = _RELATIVE.fullmatch(text)
    if relative is not None:
        name, id_, version = relative.groups()
        return Link(Form.RELATIVE, name, id_, version or "") if name in RESOURCE_TYPES else _WRONG
    if is_absolute(text):
        return _WRONG if _SPACE.search(text) else _absolute(text)
    conditional = _CONDITIONAL.fullmatch(text)
    if conditional is not None and conditional[1] in RESOURCE_TYPES:
        return Link(Form.CONDITIONAL, conditional[1])
    return _WRONG


def is_urn(reference: str) -> bool:
    """Whether a reference names its target by UUID or OID, which only a Bundle around it can resolve."""
    return reference.startswith(("urn:uuid:", "urn:oid:"))


def rest_url(url: str) -> Link | None:
    """`http(s)://base/Type/id` read into its parts; None for any other URL, a canonical or a urn among them."""
    found = _absolute(url) if _HTTP.match(url) else None
    return found if found is not None and found.type_name else None


def _absolute(url: str) -> Link:
    if not _HTTP.match(url):
        return Link(Form.ABSOLUTE)
    address = url.partition("#")[0].partition("|")[0]
    tail = _TAIL.search(address, max(0, len(address) - _LONGEST_TAIL))
    if tail is None or tail[1] not in RESOURCE_TYPES:
        return Link(Form.ABSOLUTE)
    return Link(Form.ABSOLUTE, tail[1], tail[2], tail[3] or "", address[: tail.start()])
