"""The entries of a transaction or batch as they were asked for, and errors that say in which entry they are.

https://hl7.org/fhir/R4/bundle.html#resource
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from shared.domain.fhir.identity import ResourceKey, is_valid_id, require_key
from shared.domain.fhir.outcome import Issue, error
from shared.domain.fhir.resource_types import RESOURCE_TYPES
from shared.domain.fhir.version_tag import version_in
from shared.domain.ingest.expand import MAX_BUNDLE_ENTRIES
from shared.domain.records import StoredResource
from shared.errors import Conflict, GalenError, InputError, TooLarge, consequence_of

MAX_SEARCHES: Final = 20
MAX_ENTRIES: Final = 5_000
METHODS: Final = ("GET", "POST", "PUT", "DELETE")
INTERACTION: Final = {"POST": "create", "PUT": "update", "DELETE": "delete"}


@dataclass(slots=True)
class Entry:
    """One entry of a bundle, as asked for. `key` is known from the URL, or minted by the planner.

    `matched` is what a conditional create found: then nothing is written.
    """

    index: int
    method: str
    type: str
    full_url: str = ""
    resource: dict[str, Any] | None = None
    key: ResourceKey | None = None
    query: str = ""
    version: str = ""
    if_match: str | None = None
    if_none_exist: str | None = None
    create_only: bool = False
    matched: StoredResource | None = None

    @property
    def path(self) -> str:
        """Where the entry stands, as FHIRPath."""
        return f"Bundle.entry[{self.index}]"


def interactions_of(entry: Entry) -> tuple[str, ...]:
    """The interactions whose rights an entry needs; a conditional create tells whether something matches."""
    interaction = INTERACTION.get(entry.method) or ("read" if entry.key else "search")
    return (interaction, "search") if entry.if_none_exist is not None else (interaction,)


def named(entry: Entry, refused: GalenError, element: str) -> tuple[Issue, ...]:
    """The issues of an error, each of them saying in which entry it is: in its resource, or else at `element`."""
    issues = refused.issues or (error(consequence_of(refused).code, refused.text),)
    return tuple(_placed(entry, issue, element) for issue in issues)


def _placed(entry: Entry, issue: Issue, element: str) -> Issue:
    if issue.expression.startswith(entry.path):
        return issue
    if entry.resource is not None and issue.expression.partition(".")[0] == entry.type:
        return issue.prefixed(f"{entry.path}.resource")
    return msgspec.structs.replace(issue, expression=f"{entry.path}{element}")


@contextmanager
def naming(entry: Entry, element: str) -> Iterator[None]:
    """Whatever is refused within says in which entry it is; a bare Conflict asks for another try, and stays bare."""
    try:
        yield
    except GalenError as refused:
        if refused.issues or not isinstance(refused, Conflict):
            refused.issues = named(entry, refused, element)
        raise


def parse_entries(bundle: dict[str, Any]) -> list[Entry | GalenError]:
    """Each entry, or what is wrong with its envelope. Raises InputError where the bundle itself is none."""
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise InputError(
            "Bundle.entry must be an array.", issues=[error("structure", "Must be an array.", "Bundle.entry")]
        )
    if len(entries) > MAX_ENTRIES:
        text = (
            f"A bundle has at most {MAX_ENTRIES:,} entries by HTTP: split it, or drop it as a file "
            f"(at most {MAX_BUNDLE_ENTRIES:,})."
        )
        raise TooLarge(text, issues=[error("too-costly", text, "Bundle.entry")])
    parsed: list[Entry | GalenError] = []
    searches = 0
    for index, entry in enumerate(entries):
        try:
            parsed.append(_parse(index, entry))
        except GalenError as refused:
            parsed.append(refused)
        searches += isinstance(parsed[-1], Entry) and parsed[-1].method == "GET" and parsed[-1].key is None
    if searches > MAX_SEARCHES:
        text = f"A bundle has at most {MAX_SEARCHES} searches: what they find has to fit one answer."
        raise TooLarge(text, issues=[error("too-costly", text, "Bundle.entry")])
    return parsed


def _bad(index: int, text: str, element: str = "", code: str = "invalid") -> InputError:
    return InputError(text, issues=[error(code, text, f"Bundle.entry[{index}]{element}")])


def _parse(index: int, entry: Any) -> Entry:
    if not isinstance(entry, dict) or not isinstance(entry.get("request"), dict):
        raise _bad(index, "An entry needs a request with method and url.", ".request", "required")
    request, resource = entry["request"], entry.get("resource")
    method, url = request.get("method"), request.get("url")
    if method not in METHODS or not isinstance(url, str):
        text = "request.method must be GET, POST, PUT or DELETE, with a url."
        raise _bad(index, text, ".request.method", "value")
    path, _, query = url.lstrip("/").partition("?")
    parts = [unquote(part) for part in path.split("/") if part]
    if not parts or parts[0] not in RESOURCE_TYPES:
        text = "request.url must begin with a resource type of FHIR R4."
        raise _bad(index, text, ".request.url", "not-supported")
    if resource is not None and not isinstance(resource, dict):
        raise _bad(index, "The resource must be a JSON object.", ".resource", "structure")
    full_url = _text(index, entry, "fullUrl", "")
    parsed = Entry(index, method, parts[0], full_url or "", resource, query=query)
    _conditions(parsed, request)
    _address(parsed, parts[1:])
    return parsed


def _text(index: int, element: dict[str, Any], name: str, path: str) -> str | None:
    value = element.get(name)
    if value is not None and not isinstance(value, str):
        raise _bad(index, f"{name} must be a JSON string.", f"{path}.{name}", "structure")
    return value


def _conditions(entry: Entry, request: dict[str, Any]) -> None:
    """ifNoneExist, ifMatch and ifNoneMatch; the last means something on a PUT only, and there `*`."""
    criteria = _text(entry.index, request, "ifNoneExist", ".request")
    if_match = _text(entry.index, request, "ifMatch", ".request")
    if_none_match = _text(entry.index, request, "ifNoneMatch", ".request")
    if criteria is not None and entry.method == "POST":
        entry.if_none_exist = criteria.lstrip("?")
    if if_match is not None:
        entry.if_match = version_in(if_match)
        if entry.if_match is None:
            text = 'ifMatch names one version, as W/"<versionId>".'
            raise _bad(entry.index, text, ".request.ifMatch", "value")
    if if_none_match is not None and entry.method == "PUT":
        if if_none_match != "*":
            text = "ifNoneMatch on a PUT is *: create, and replace nothing."
            raise _bad(entry.index, text, ".request.ifNoneMatch", "value")
        entry.create_only = True


def _address(entry: Entry, parts: list[str]) -> None:
    """Type, id and version of the URL, and what each method needs."""
    if parts:
        try:
            entry.key = require_key(entry.type, parts[0])
        except InputError as refused:
            raise _bad(entry.index, refused.text, ".request.url", "value") from None
    if len(parts) == 3 and parts[1] == "_history" and entry.method == "GET" and is_valid_id(parts[2]):
        entry.version = parts[2]
    elif len(parts) > 1:
        text = "This interaction is not available inside a bundle."
        raise _bad(entry.index, text, ".request.url", "not-supported")
    if entry.method in ("PUT", "DELETE") and (entry.key is None or entry.query):
        text = "PUT and DELETE need Type/id: conditional forms are not available."
        raise _bad(entry.index, text, ".request.url", "not-supported")
    if entry.method == "POST" and entry.key is not None:
        raise _bad(entry.index, "POST goes to a type, PUT to an id.", ".request.url", "value")
    if entry.method in ("POST", "PUT"):
        if entry.resource is None:
            raise _bad(entry.index, "The entry needs a resource.", ".resource", "required")
        if entry.resource.get("resourceType") != entry.type:
            text = "The resource's type is not the one in the url."
            raise _bad(entry.index, text, ".resource.resourceType", "value")
