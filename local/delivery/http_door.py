"""The HTTP door: transactions and batches are posted, loose resources in batches, over several connections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from local.delivery.account import Account, reasons_of
from local.delivery.api import Api
from local.delivery.sources import Document
from shared.domain.fhir import json
from shared.domain.fhir.identity import ResourceKey, is_valid_id, parse_literal
from shared.domain.fhir.resource_types import RESOURCE_TYPES
from shared.domain.fhir.validation.validator import R4Validator
from shared.errors import InputError

CONNECTIONS: Final = 4
BATCH_ENTRIES: Final = 100
MAX_BODY_BYTES: Final = 16_000_000
_QUEUED: Final = 2 * CONNECTIONS

Accepted = Callable[[Sequence[ResourceKey]], None]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an entry comes from. `path` of it there where its sender never saw the Bundle that is posted, and reasons that
    are known already: of a type that R4 does not have no address can be made, and the platform would speak of that."""

    file: str
    line: int = 0
    path: str = ""
    invalid: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Posting:
    """One request body, how many resources it holds, and where each comes from: one for all where
    they come from one place."""

    name: str
    body: bytes
    resources: int
    origins: tuple[Origin, ...]

    def origin(self, entry: int) -> Origin:
        """Where an entry comes from."""
        return self.origins[entry] if len(self.origins) > 1 else self.origins[0]


def postings(documents: Iterable[Document], account: Account) -> Iterator[Posting | Document]:
    """What to post, in order; a Document comes back where it is too large and has to go by landing."""
    loose: list[dict[str, Any]] = []
    origins: list[Origin] = []
    name = ""
    for document in documents:
        try:
            value = json.decode_object(document.body)
        except InputError as refused:
            _refuse(
                account, document, reasons_of({"issue": [issue.as_element() for issue in refused.issues]})
            )
            continue
        if value.get("resourceType") == "Bundle":
            yield from _bundle(document, value)
        elif "resourceType" not in value:
            _refuse(account, document, ["not-supported a device reading goes by the stream, not by HTTP"])
        else:
            name = name or document.name
            loose.append(_entry(value, document.name))
            origins.append(_origin(document, value))
            if len(loose) == BATCH_ENTRIES:
                yield _posting(name, "batch", loose, origins)
                loose, origins, name = [], [], ""
    if loose:
        yield _posting(name, "batch", loose, origins)


def _refuse(account: Account, document: Document, reasons: Sequence[str]) -> None:
    account.sent(1, len(document.body))
    account.reject(1, reasons, document.file, document.line)


def _origin(document: Document, resource: Any, path: str = "") -> Origin:
    type_ = resource.get("resourceType") if isinstance(resource, dict) else None
    if isinstance(type_, str) and type_ in RESOURCE_TYPES:
        return Origin(document.file, document.line, path or type_)
    issues = _validator().validate(resource) if isinstance(resource, dict) else []
    outcome = {"issue": [(issue.prefixed(path) if path else issue).as_element() for issue in issues]}
    return Origin(document.file, document.line, path, tuple(reasons_of(outcome)) if issues else ())


@cache
def _validator() -> R4Validator:
    return R4Validator()


def _bundle(document: Document, value: dict[str, Any]) -> Iterator[Posting | Document]:
    entries = value.get("entry")
    entries = entries if isinstance(entries, list) else []
    origin = Origin(document.file, document.line)
    if value.get("type") not in ("transaction", "batch"):
        # What is no interaction yet becomes one: linked by urn:uuid it has to be written whole.
        held = [(number, entry) for number, entry in enumerate(entries) if "resource" in entry]
        made = [_entry(entry["resource"], entry.get("fullUrl", "")) for _, entry in held]
        origins = [
            _origin(document, entry["resource"], f"Bundle.entry[{number}].resource") for number, entry in held
        ]
        whole = any(entry["fullUrl"].startswith("urn:") for entry in made)
        posting = _posting(document.name, "transaction" if whole else "batch", made, origins or [origin])
    else:
        posting = Posting(document.name, document.body, len(entries), (origin,))
    if len(posting.body) > MAX_BODY_BYTES:
        posting = replace(posting, body=json.encode(value).encode())
    yield posting if len(posting.body) <= MAX_BODY_BYTES else document


def _entry(resource: dict[str, Any], full_url: str) -> dict[str, Any]:
    type_, id_ = str(resource.get("resourceType", "")), resource.get("id")
    linked = full_url.startswith("urn:")
    if isinstance(id_, str) and is_valid_id(id_) and not linked:
        request = {"method": "PUT", "url": f"{type_}/{id_}"}
    else:
        request = {"method": "POST", "url": type_}
    return {"fullUrl": full_url if linked else "", "resource": resource, "request": request}


def _posting(name: str, type_: str, entries: list[dict[str, Any]], origins: Sequence[Origin]) -> Posting:
    kept = [{k: v for k, v in entry.items() if v != ""} for entry in entries]
    body = json.encode({"resourceType": "Bundle", "type": type_, "entry": kept}).encode()
    return Posting(name, body, len(entries), tuple(origins))


class HttpDoor:
    """Posts; what each answer says becomes keys to look for, or reasons."""

    def __init__(self, api: Api, account: Account, accepted: Accepted) -> None:
        self._api = api
        self._account = account
        self._accepted = accepted

    def send(self, items: Iterable[Posting]) -> None:
        """Post all; `accepted` hears of the keys that each answer names."""
        with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="post") as pool:
            running: set[Future[None]] = set()
            for item in items:
                if len(running) >= _QUEUED:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        future.result()
                running.add(pool.submit(self._post, item))
            for future in running:
                future.result()

    def _post(self, posting: Posting) -> None:
        self._accepted(self._keys(posting))

    def _keys(self, posting: Posting) -> list[ResourceKey]:
        self._account.sent(posting.resources, len(posting.body))
        try:
            answer = self._api.send("POST", "/fhir", posting.body)
        except OSError as failure:
            # It may have been applied: posting it again could double it.
            self._account.lose(f"{posting.name}: {failure}; look before it is sent again")
            return []
        body = answer.json()
        if answer.status == 200 and len(body.get("entry", ())) == posting.resources:
            return list(self._answers(posting, body["entry"]))
        if answer.status >= 500:
            self._account.lose(f"{posting.name}: answered with {answer.status}, {reasons_of(body)[0]}")
        else:
            origin = posting.origin(0)
            self._account.reject(posting.resources, reasons_of(body), origin.file, origin.line)
        return []

    def _answers(self, posting: Posting, entries: list[dict[str, Any]]) -> Iterator[ResourceKey]:
        for index, entry in enumerate(entries):
            response = entry["response"]
            found = parse_literal(response.get("location", ""))
            if found:
                yield found[0]
            elif not response["status"].startswith("2"):
                origin = posting.origin(index)
                reasons = origin.invalid or reasons_of(response.get("outcome", {}), within=origin.path)
                self._account.reject(1, reasons, origin.file, origin.line)
