"""Search one resource type: exact totals, pages by keyset, links that are signed.

https://hl7.org/fhir/R4/http.html#search
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from shared.domain.access.caller import Caller
from shared.domain.fhir import json
from shared.domain.fhir.identity import ResourceKey
from shared.domain.fhir.page_token import PageTokens
from shared.domain.fhir.search_index import values_at
from shared.domain.fhir.search_request import PAGE, RESULT_PARAMETERS, SearchRequest, parse
from shared.domain.fhir.search_values import parse_query, refuse
from shared.domain.records import Item, StoredResource, key_of
from shared.ports.clock import Clock
from shared.ports.records import Predicate, Query, Records
from shared.services.bodies import MAX_ANSWER_BYTES, Bodies
from shared.services.fhir.search_query import compile_query, predicates_of

NOTHING: Final[frozenset[ResourceKey]] = frozenset()


@dataclass(frozen=True, slots=True)
class Searchset:
    """One page of matches. `total` is None where it was not asked for."""

    base_url: str
    self_link: str
    next_link: str | None
    total: int | None
    matches: tuple[StoredResource, ...]

    def text(self) -> str:
        """The Bundle as JSON text; the bodies go in as they are kept, neither decoded nor encoded again."""
        links = [{"relation": "self", "url": self.self_link}]
        if self.next_link:
            links.append({"relation": "next", "url": self.next_link})
        head: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
        if self.total is not None:
            head["total"] = self.total
        head["link"] = links
        text = json.encode(head)
        if not self.matches:
            return text
        entries = ",".join(
            f'{{{self._full_url(match)}"resource":{match.body},"search":{{"mode":"match"}}}}'
            for match in self.matches
        )
        return f'{text[:-1]},"entry":[{entries}]}}'

    def _full_url(self, match: StoredResource) -> str:
        return f'"fullUrl":{json.encode(f"{self.base_url}/{match.key}")},' if self.base_url else ""


@dataclass(frozen=True, slots=True)
class Condition:
    """What criteria ask, and how many values they name."""

    where: tuple[Predicate, ...]
    alternatives: int


class Search:
    """Runs searches; the caller's right to search the type has been checked, anew for each page."""

    def __init__(self, records: Records, bodies: Bodies, pages: PageTokens, clock: Clock) -> None:
        self._records = records
        self._bodies = bodies
        self._pages = pages
        self._clock = clock

    def run(
        self,
        caller: Caller,
        type_: str,
        parameters: Sequence[tuple[str, str]],
        *,
        base_url: str,
        strict: bool = True,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> Searchset:
        """One page, ended early where its bodies exceed `max_bytes`.

        `base_url` is where the FHIR endpoint is reached, without a slash at the end. Raises InputError.
        """
        request = parse(type_, parameters, strict=strict, now=self._clock.now(), base_url=base_url)
        after = self._pages.open(caller.tenant, request.fingerprint, request.page) if request.page else None
        query = compile_query(caller.tenant, request, after=after, limit=request.count + 1)
        here = f"{base_url}/{type_}" if base_url else type_
        if request.count_only:
            return Searchset(base_url, _link(here, request), None, self._count(caller.tenant, request), ())
        page = self._bodies.page(self._records.query(query), request.count, max_bytes)
        more = page.following is not None
        position = (
            self._pages.seal(caller.tenant, request.fingerprint, _position(query, page.items[-1]))
            if more
            else ""
        )
        total = None
        if request.total:
            total = self._count(caller.tenant, request) if more or after else len(page.items)
        return Searchset(
            base_url=base_url,
            self_link=_link(here, request, request.page),
            next_link=_link(here, request, position) if more else None,
            total=total,
            matches=page.stored,
        )

    def page(self, caller: Caller, type_: str, query: str, *, max_bytes: int = MAX_ANSWER_BYTES) -> Searchset:
        """The page for an entry of a batch; its links are relative, the caller's right has been checked."""
        return self.run(caller, type_, parse_query(query), base_url="", max_bytes=max_bytes)

    def check(self, caller: Caller, type_: str, query: str) -> None:
        """Raise InputError where `page` would; reads nothing."""
        request = parse(type_, parse_query(query), strict=True, now=self._clock.now())
        if request.page:
            self._pages.open(caller.tenant, request.fingerprint, request.page)

    def matches(
        self, tenant: str, type_: str, criteria: str, without: frozenset[ResourceKey] = NOTHING
    ) -> list[Item]:
        """At most two current items that meet the criteria of a conditional interaction, leaving some keys out of account.

        Raises InputError (400).
        """
        request = self._conditions(type_, criteria)
        left_out = sum(key.type == type_ for key in without)
        found = self._records.query(compile_query(tenant, request, limit=2 + left_out))
        return [item for item in found if key_of(item) not in without][:2]

    def condition(self, type_: str, criteria: str) -> Condition:
        """What the criteria of a conditional interaction ask of a resource of the type. Raises InputError (400)."""
        request = self._conditions(type_, criteria)
        return Condition(predicates_of(request), sum(len(each.alternatives) for each in request.criteria))

    def _conditions(self, type_: str, criteria: str) -> SearchRequest:
        pairs = parse_query(criteria)
        beside = sorted({name for name, _ in pairs} & RESULT_PARAMETERS)
        if beside:
            # They say how to show what is found, not what is meant; a guard would take them for other criteria.
            text = f"Conditional criteria name what is meant, and {', '.join(beside)} how to show it: leave that out."
            raise refuse(text, code="not-supported")
        request = parse(type_, pairs, strict=True, now=self._clock.now())
        if not request.criteria:
            raise refuse("Conditional criteria are search parameters such as identifier=system|value.")
        return request

    def _count(self, tenant: str, request: SearchRequest) -> int:
        return self._records.count(compile_query(tenant, request))


def _position(query: Query, item: Item) -> tuple[str, str]:
    return str(next(values_at(item, query.order_by or "id"))), item["id"]


def _link(here: str, request: SearchRequest, page: str = "") -> str:
    pairs = [*request.applied, *([(PAGE, page)] if page else [])]
    return f"{here}?{urlencode(pairs, quote_via=quote, safe='|,:/$')}" if pairs else here
