"""The HTTP door: transactions and batches are posted, loose resources in batches, over several connections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Final

from local.delivery.account import Account, first_issue
from local.delivery.api import Api
from local.delivery.sources import Document
from shared.domain.fhir import json
from shared.domain.fhir.identity import ResourceKey, is_valid_id, parse_literal
from shared.errors import InputError

CONNECTIONS: Final = 4
BATCH_ENTRIES: Final = 100
MAX_BODY_BYTES: Final = 16_000_000
_QUEUED: Final = 2 * CONNECTIONS

Accepted = Callable[[Sequence[ResourceKey]], None]


@dataclass(frozen=True, slots=True)
class Posting:
    """One request body and how many resources it holds."""

    name: str
    body: bytes
    resources: int


def postings(documents: Iterable[Document], account: Account) -> Iterator[Posting | Document]:
    """What to post, in order; a Document comes back where it is too large and has to go by landing."""
    loose: list[dict[str, Any]] = []
    name = ""
    for document in documents:
        try:
            value = json.decode_object(document.body)
        except InputError as refused:
            account.sent(1, len(document.body))
            account.reject(1, first_issue({"issue": [issue.as_element() for issue in refused.issues]}))
            continue
        if value.get("resourceType") == "Bundle":
            yield from _bundle(document, value)
        elif "resourceType" not in value:
            account.sent(1, len(document.body))
            account.reject(1, "not-supported a device reading goes by the stream, not by HTTP")
        else:
            name = name or document.name
            loose.append(_entry(value, document.name))
            if len(loose) == BATCH_ENTRIES:
                yield _posting(name, "batch", loose)
                loose, name = [], ""
    if loose:
        yield _posting(name, "batch", loose)


def _bundle(document: Document, value: dict[str, Any]) -> Iterator[Posting | Document]:
    entries = value.get("entry")
    entries = entries if isinstance(entries, list) else []
    if value.get("type") not in ("transaction", "batch"):
        # What is no interaction yet becomes one: linked by urn:uuid it has to be written whole.
        made = [
            _entry(entry["resource"], entry.get("fullUrl", "")) for entry in entries if "resource" in entry
        ]
        whole = any(entry["fullUrl"].startswith("urn:") for entry in made)
        posting = _posting(document.name, "transaction" if whole else "batch", made)
    else:
        posting = Posting(document.name, document.body, len(entries))
    if len(posting.body) > MAX_BODY_BYTES:
        posting = Posting(posting.name, json.encode(value).encode(), posting.resources)
    yield posting if len(posting.body) <= MAX_BODY_BYTES else document


def _entry(resource: dict[str, Any], full_url: str) -> dict[str, Any]:
    type_, id_ = str(resource.get("resourceType", "")), resource.get("id")
    linked = full_url.startswith("urn:")
    if isinstance(id_, str) and is_valid_id(id_) and not linked:
        request = {"method": "PUT", "url": f"{type_}/{id_}"}
    else:
        request = {"method": "POST", "url": type_}
    return {"fullUrl": full_url if linked else "", "resource": resource, "request": request}


def _posting(name: str, type_: str, entries: list[dict[str, Any]]) -> Posting:
    kept = [{k: v for k, v in entry.items() if v != ""} for entry in entries]
    body = json.encode({"resourceType": "Bundle", "type": type_, "entry": kept}).encode()
    return Posting(name, body, len(entries))


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
            return list(self._answers(body["entry"]))
        if answer.status >= 500:
            self._account.lose(f"{posting.name}: answered with {answer.status}, {first_issue(body)}")
        else:
            self._account.reject(posting.resources, first_issue(body))
        return []

    def _answers(self, entries: list[dict[str, Any]]) -> Iterator[ResourceKey]:
        for entry in entries:
            response = entry["response"]
            found = parse_literal(response.get("location", ""))
            if found:
                yield found[0]
            elif not response["status"].startswith("2"):
                self._account.reject(1, first_issue(response.get("outcome", {})))
