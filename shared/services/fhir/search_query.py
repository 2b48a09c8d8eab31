"""A search request as a query of the records."""

from __future__ import annotations

from shared.domain.fhir.identity import ResourceKey, parse_literal
from shared.domain.fhir.resource_types import HOME_ELEMENT
from shared.domain.fhir.search_request import Criterion, DateIs, IdIs, SearchRequest, TokenIs
from shared.domain.records import Kind
from shared.ports.records import AllOf, AnyOf, Compare, Has, In, Predicate, Query

_SORT_PATH = {"date": "ix.date", "_lastUpdated": "lastUpdated"}


def compile_query(
    tenant: str, request: SearchRequest, *, after: tuple[str, str] | None = None, limit: int | None = None
) -> Query:
    """The query for the current, not deleted resources that meet every criterion."""
    return Query(
        kind=Kind.CURRENT,
        tenant=tenant,
        home=home_of_request(request),
        where=(
            Compare("type", "=", request.type),
            Compare("deleted", "=", False),
            *predicates_of(request),
        ),
        order_by=_SORT_PATH[request.sort.parameter],
        descending=request.sort.descending,
        after=after,
        limit=limit,
    )


def predicates_of(request: SearchRequest) -> tuple[Predicate, ...]:
    """What the criteria ask of a current, not deleted resource of the type."""
    return tuple(_predicate(criterion) for criterion in request.criteria)


def home_of_request(request: SearchRequest) -> str | None:
    """The one home where every match must be: the patient's, or the id's own for types that belong to no patient."""
    for criterion in request.criteria:
        homes = {_home(request.type, match) for match in criterion.alternatives}
        if len(homes) == 1 and (home := homes.pop()):
            return home
    return None


def _home(type_: str, match: TokenIs | IdIs | DateIs) -> str | None:
    if isinstance(match, IdIs):
        return ResourceKey(type_, match.id).address if type_ not in HOME_ELEMENT else None
    if isinstance(match, TokenIs) and match.reference and type_ in HOME_ELEMENT:
        literal = parse_literal(match.text.partition("|")[2])
        return literal[0].address if literal and literal[0].type == "Patient" else None
    return None


def _predicate(criterion: Criterion) -> Predicate:
    ids = tuple(match.id for match in criterion.alternatives if isinstance(match, IdIs))
    if ids:
        return Compare("rid", "=", ids[0]) if len(ids) == 1 else In("rid", ids)
    found = tuple(_match(criterion.parameter, match) for match in criterion.alternatives)
    return found[0] if len(found) == 1 else AnyOf(found)


def _match(parameter: str, match: TokenIs | IdIs | DateIs) -> Predicate:
    if isinstance(match, IdIs):
        return Compare("rid", "=", match.id)
    if isinstance(match, TokenIs):
        return Has("ix.r" if match.reference else "ix.t", match.text)
    if parameter == "_lastUpdated":
        return _date("lastUpdated", "lastUpdated", match)
    return _date(f"ix.d.{parameter}.lo", f"ix.d.{parameter}.hi", match)


def _date(lo: str, hi: str, match: DateIs) -> Predicate:
    """The comparisons of https://hl7.org/fhir/R4/search.html#prefix over two ranges."""
    first, last = match.range.lo, match.range.hi
    within = AllOf((Compare(lo, ">=", first), Compare(hi, "<=", last)))
    match match.prefix:
        case "eq":
            return within
        case "ne":
            return AnyOf((Compare(lo, "<", first), Compare(hi, ">", last)))
        case "gt":
            return Compare(hi, ">", last)
        case "lt":
            return Compare(lo, "<", first)
        case "ge":
            return AnyOf((Compare(hi, ">", last), within))
        case "le":
            return AnyOf((Compare(lo, "<", first), within))
        case "sa":
            return Compare(lo, ">", last)
        case "eb":
            return Compare(hi, "<", first)
        case "ap":
            return AllOf((Compare(lo, "<=", last), Compare(hi, ">=", first)))
