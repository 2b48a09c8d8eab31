"""A FHIR search as it was asked for: query parameters read strictly into criteria over the search index.

https://hl7.org/fhir/R4/search.html. What is not understood is refused, never ignored into "everything": only
`Prefer: handling=lenient` leaves unknown parameters out, and the self link shows what was used.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from shared.domain.fhir.dates import Range, date_range
from shared.domain.fhir.identity import parse_literal
from shared.domain.fhir.resource_types import PATIENT_ELEMENT
from shared.domain.fhir.search_index import CODE_PATHS, DATE_PATHS
from shared.domain.fhir.search_values import (
    MAX_PARAMETERS,
    about,
    refuse,
    require_json,
    split,
    token,
    too_many,
    unescape,
    valid_id,
)

DEFAULT_COUNT: Final = 50
MAX_COUNT: Final = 1_000
MAX_ALTERNATIVES: Final = 200
"""Of all parameters of one search together: each is a condition that every candidate is held against."""
MAX_VALUE_CHARS: Final = 8_000
PAGE: Final = "_page"

WITHOUT_IDENTIFIER: Final = frozenset(
    """
    AuditEvent Binary CapabilityStatement CompartmentDefinition GraphDefinition ImplementationGuide Linkage
    MedicationKnowledge MedicinalProductContraindication MedicinalProductIndication MedicinalProductInteraction
    MedicinalProductManufactured MedicinalProductUndesirableEffect MessageHeader NamingSystem OperationDefinition
    OperationOutcome Parameters Provenance SearchParameter Subscription SubstanceNucleicAcid SubstancePolymer
    SubstanceProtein SubstanceReferenceInformation SubstanceSourceMaterial TerminologyCapabilities VerificationResult
    """.split()  # noqa: SIM905 - as many names on as many lines
)
"""Types that have no element `identifier`."""
_SUBJECT_ELEMENTS: Final = ("subject", "for", "candidate", "deliverTo")
_SUBJECT_TYPES: Final = ("Patient", "Group", "Device", "Location")

Prefix = Literal["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]
_DATE: Final = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)?([0-9].{3,40})")
_PARAMETER_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z_.:-]{0,40}")
_OF_RESULTS: Final = "_sort, _count, _summary, _total, _format"
_COUNT: Final = re.compile(r"[0-9]{1,6}")
_NOT_A_DATE: Final = (
    "eq, ne, gt, lt, ge, le, sa, eb or ap, then a date such as 2024-05-01 or 2024-05-01T10:00:00Z"
)


@dataclass(frozen=True, slots=True)
class TokenIs:
    """A token as the index writes it, or (`reference`) a reference."""

    text: str
    reference: bool = False


@dataclass(frozen=True, slots=True)
class IdIs:
    """A logical id."""

    id: str


@dataclass(frozen=True, slots=True)
class DateIs:
    """A date range against the element's, by prefix."""

    prefix: Prefix
    range: Range


Match = TokenIs | IdIs | DateIs


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter: at least one of its alternatives holds."""

    parameter: str
    alternatives: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class Sort:
    """Order by `date` or `_lastUpdated`, by default oldest change first.

    No order is complete while others write: `_lastUpdated` is stamped before the write, so that what is written at the
    moment of a page may come to stand before the page's end, and what is changed may come again.
    """

    parameter: str = "_lastUpdated"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What was asked for. `applied` are the parameters that were used, as sent; `ignored` the names of those left out."""

    type: str
    criteria: tuple[Criterion, ...]
    sort: Sort
    count: int
    count_only: bool
    total: bool
    applied: tuple[tuple[str, str], ...]
    ignored: tuple[str, ...]
    page: str

    @property
    def fingerprint(self) -> str:
        """Stands for type and parameters: what a page token is bound to."""
        return hashlib.sha256(repr((self.type, self.applied)).encode()).hexdigest()


def search_parameters(type_: str) -> dict[str, str]:
    """Name → FHIR type of the search parameters of a resource type."""
    found = {"_id": "token", "_lastUpdated": "date"}
    if type_ not in WITHOUT_IDENTIFIER:
        found["identifier"] = "token"
    if type_ in CODE_PATHS:
        found["code"] = "token"
    if type_ in DATE_PATHS:
        found["date"] = "date"
    if type_ in PATIENT_ELEMENT:
        found["patient"] = "reference"
        if PATIENT_ELEMENT[type_] in _SUBJECT_ELEMENTS:
            found["subject"] = "reference"
    return found


def parse(
    type_: str, parameters: Sequence[tuple[str, str]], *, strict: bool, now: datetime, base_url: str = ""
) -> SearchRequest:
    """The request of a type-level search. Raises InputError (400; 406 for `_format`) with what to change.

    `now` widens the prefix `ap`; references that begin with `base_url` are this server's own.
    """
    if len(parameters) > MAX_PARAMETERS:
        raise too_many()
    reader = _Reader(type_, now, base_url)
    applied, ignored = [], []
    for name, value in parameters:
        if reader.read(name, value):
            applied.append((name, value))
        elif strict:
            names = ", ".join(sorted(search_parameters(type_)))
            which = (
                f"The search parameter {name}" if _PARAMETER_NAME.fullmatch(name) else "A search parameter"
            )
            text = f"{which} is not supported for {type_}; supported are {names}, and {_OF_RESULTS}."
            raise refuse(text, code="not-supported")
        else:
            ignored.append(name)
    return SearchRequest(
        type=type_,
        criteria=tuple(reader.criteria),
        sort=reader.sort,
        count=reader.count,
        count_only=reader.count_only or reader.count == 0,
        total=reader.total,
        applied=tuple(pair for pair in applied if pair[0] != PAGE),
        ignored=tuple(ignored),
        page=reader.page,
    )


class _Reader:
    """Takes parameters one by one."""

    def __init__(self, type_: str, now: datetime, base_url: str) -> None:
        self._type = type_
        self._known = search_parameters(type_)
        self._now = now
        self._base_url = base_url.rstrip("/") + "/" if base_url else ""
        self._seen: set[str] = set()
        self._alternatives = 0
        self.criteria: list[Criterion] = []
        self.sort = Sort()
        self.count = DEFAULT_COUNT
        self.count_only = False
        self.total = True
        self.page = ""

    def read(self, name: str, value: str) -> bool:
        """Whether the parameter is known. Raises InputError where it is, and its value or modifier is wrong."""
        base, colon, modifier = name.partition(":")
        if base in self._known:
            if (
                colon and (self._known[base] != "reference" or modifier not in _SUBJECT_TYPES)
            ) or "." in modifier:
                raise refuse(f"The modifier used on {base} is not supported.", code="not-supported")
            self.criteria.append(self._criterion(base, modifier, value))
            return True
        if base.partition(".")[0] in self._known:
            raise refuse("Chained search parameters are not supported.", code="not-supported")
        result = _RESULT_PARAMETERS.get(name)
        if result is None:
            return False
        if name in self._seen:
            raise refuse(f"{name} may be given once.")
        self._seen.add(name)
        result(self, value)
        return True

    def _criterion(self, name: str, modifier: str, value: str) -> Criterion:
        if len(value) > MAX_VALUE_CHARS or "\0" in value:
            raise refuse(f"A value of {name} is too long or has a character that no value has.")
        parts = split(value)
        if parts is None:
            raise refuse(f"{name} has an empty value: leave the parameter out, or give a value.")
        self._alternatives += len(parts)
        if self._alternatives > MAX_ALTERNATIVES:
            text = f"A search has at most {MAX_ALTERNATIVES} values, all parameters together."
            raise refuse(text, code="too-costly")
        matches = tuple(match for part in parts for match in self._matches(name, modifier, part))
        return Criterion(name, matches)

    def _matches(self, name: str, modifier: str, part: str) -> tuple[Match, ...]:
        kind = self._known[name]
        if name == "_id":
            return (IdIs(valid_id(name, unescape(part))),)
        if kind == "date":
            return (self._date(name, part),)
        if kind == "token":
            return (TokenIs(f"{name}|{token(name, part)}"),)
        return self._references(name, modifier, unescape(part))

    def _date(self, name: str, part: str) -> DateIs:
        # A `+` of a zone arrives as a space where the client forgot to encode it.
        match = _DATE.fullmatch(unescape(part).replace(" ", "+"))
        found = date_range(match[2]) if match else None
        if match is None or found is None:
            raise refuse(f"{name} is not understood: {_NOT_A_DATE}.")
        prefix: Prefix = match[1] or "eq"  # type: ignore[assignment]  # the pattern allows nothing else
        return DateIs(prefix, about(found, self._now) if prefix == "ap" else found)

    def _references(self, name: str, modifier: str, value: str) -> tuple[Match, ...]:
        types = (modifier,) if modifier else ("Patient",) if name == "patient" else _SUBJECT_TYPES
        local = value.removeprefix(self._base_url) if self._base_url else value
        if "/" in local:
            literal = parse_literal(local)
            if literal is None or literal[1] or (name == "patient" and literal[0].type != "Patient"):
                raise refuse(f"{name} is an id or a reference such as Patient/example.")
            return (TokenIs(f"{name}|{literal[0]}", reference=True),)
        id_ = valid_id(name, local)
        return tuple(TokenIs(f"{name}|{type_}/{id_}", reference=True) for type_ in types)

    def read_sort(self, value: str) -> None:
        """`_sort`: one key."""
        key = value.removeprefix("-")
        if key not in ("date", "_lastUpdated") or key not in self._known:
            raise refuse(
                "_sort is one of date, -date, _lastUpdated, -_lastUpdated, where the type has it.",
                code="not-supported",
            )
        self.sort = Sort(key, descending=value.startswith("-"))

    def read_count(self, value: str) -> None:
        """`_count`: more than the server gives at once is cut, nonsense is refused."""
        if not _COUNT.fullmatch(value):
            raise refuse(f"_count is a whole number from 0 to {MAX_COUNT}.")
        self.count = min(int(value), MAX_COUNT)

    def read_summary(self, value: str) -> None:
        """`_summary`: the count alone, or everything."""
        if value not in ("count", "false"):
            raise refuse("_summary is count or false.", code="not-supported")
        self.count_only = value == "count"

    def read_total(self, value: str) -> None:
        """`_total`: an estimate is exact here."""
        if value not in ("none", "estimate", "accurate"):
            raise refuse("_total is none, estimate or accurate.")
        self.total = value != "none"

    def read_format(self, value: str) -> None:
        """`_format`: JSON."""
        require_json(value)

    def read_page(self, value: str) -> None:
        """The token of a next link; whether it holds is decided with the signing key."""
        self.page = value

    def read_nothing(self, value: str) -> None:
        """`_pretty`: a wish that changes no meaning."""


_RESULT_PARAMETERS: Final = {
    "_sort": _Reader.read_sort,
    "_count": _Reader.read_count,
    "_summary": _Reader.read_summary,
    "_total": _Reader.read_total,
    "_format": _Reader.read_format,
    "_pretty": _Reader.read_nothing,
    PAGE: _Reader.read_page,
}
RESULT_PARAMETERS: Final = frozenset(_RESULT_PARAMETERS)
"""What says how to show what is found, and nothing of what is meant."""
