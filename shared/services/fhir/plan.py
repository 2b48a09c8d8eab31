"""A transaction planned: entries authorised, validated, identified, references rewritten, before anything is written.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from shared.domain.fhir.identity import ResourceKey, patient_reference, require_key
from shared.domain.fhir.outcome import Issue, error
from shared.domain.fhir.resource_types import RESOURCE_TYPES
from shared.domain.ingest.references import rewrite, service_base
from shared.errors import GalenError, InputError
from shared.ports.validator import Validator

MAX_ENTRIES: Final = 5_000
Authorise = Callable[[str, str], None]
"""(type, interaction) → raises Forbidden."""


@dataclass(slots=True)
class Entry:
    """One entry of a bundle, as asked for. `key` is known from the URL, or minted by the planner."""

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
    matched: bool = False

    @property
    def path(self) -> str:
        """Where the entry stands, as FHIRPath."""
        return f"Bundle.entry[{self.index}]"


@dataclass(slots=True)
class Findings:
    """Issues of all entries; `refuse` raises them together."""

    issues: list[Issue] = field(default_factory=list)
    status: int = 400

    def add(self, entry: Entry, code: str, text: str, element: str = "", *, status: int = 400) -> None:
        """Note what is wrong with one entry."""
        self.issues.append(error(code, text, f"{entry.path}{element}"))
        self.status = max(self.status, status)

    def refuse(self) -> None:
        """Raise InputError where anything was found."""
        if self.issues:
            text = "The transaction is refused and nothing of it was written."
            raise InputError(text, issues=self.issues, status=self.status)


def parse_entries(bundle: dict[str, Any]) -> list[Entry | GalenError]:
    """Each entry, or what is wrong with its envelope. Raises InputError where the bundle itself is none."""
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise InputError(
            "Bundle.entry must be an array.", issues=[error("structure", "Must be an array.", "Bundle.entry")]
        )
    if len(entries) > MAX_ENTRIES:
        text = f"A bundle has at most {MAX_ENTRIES} entries: split it, or drop it as a file."
        raise InputError(text, issues=[error("too-costly", text, "Bundle.entry")], status=413)
    parsed: list[Entry | GalenError] = []
    for index, entry in enumerate(entries):
        try:
            parsed.append(_parse(index, entry))
        except GalenError as refused:
            parsed.append(refused)
    return parsed


def _bad(index: int, text: str, element: str = "", code: str = "invalid") -> InputError:
    return InputError(text, issues=[error(code, text, f"Bundle.entry[{index}]{element}")])


def _parse(index: int, entry: Any) -> Entry:
    if not isinstance(entry, dict) or not isinstance(entry.get("request"), dict):
        raise _bad(index, "An entry needs a request with method and url.", ".request", "required")
    request, resource = entry["request"], entry.get("resource")
    method, url = request.get("method"), request.get("url")
    if method not in ("GET", "POST", "PUT", "DELETE") or not isinstance(url, str):
        raise _bad(
            index, "request.method must be GET, POST, PUT or DELETE, with a url.", ".request.method", "value"
        )
    path, _, query = url.lstrip("/").partition("?")
    parts = [unquote(part) for part in path.split("/") if part]
    if not parts or parts[0] not in RESOURCE_TYPES:
        raise _bad(
            index, "request.url must begin with a resource type of FHIR R4.", ".request.url", "not-supported"
        )
    if resource is not None and not isinstance(resource, dict):
        raise _bad(index, "The resource must be a JSON object.", ".resource", "structure")
    parsed = Entry(index, method, parts[0], str(entry.get("fullUrl", "")), resource, query=query)
    parsed.if_none_exist = request.get("ifNoneExist")
    parsed.if_match = _etag(request.get("ifMatch"))
    _address(parsed, parts[1:])
    return parsed


def _etag(text: Any) -> str | None:
    return text.removeprefix("W/").strip('"') if isinstance(text, str) else None


def _address(entry: Entry, parts: list[str]) -> None:
    """Type, id and version of the URL, and what each method needs."""
    if parts:
        entry.key = require_key(entry.type, parts[0])
    if len(parts) == 3 and parts[1] == "_history" and entry.method == "GET":
        entry.version = parts[2]
    elif len(parts) > 1:
        raise _bad(
            entry.index, "This interaction is not available inside a bundle.", ".request.url", "not-supported"
        )
    if entry.method in ("PUT", "DELETE") and (entry.key is None or entry.query):
        text = "PUT and DELETE need Type/id: conditional forms are not available."
        raise _bad(entry.index, text, ".request.url", "not-supported")
    if entry.method == "POST" and entry.key is not None:
        raise _bad(entry.index, "POST goes to a type, PUT to an id.", ".request.url", "value")
    if entry.method in ("POST", "PUT"):
        if entry.resource is None:
            raise _bad(entry.index, "The entry needs a resource.", ".resource", "required")
        if entry.resource.get("resourceType") != entry.type:
            raise _bad(
                entry.index,
                "The resource's type is not the one in the url.",
                ".resource.resourceType",
                "value",
            )


Mint = Callable[[Entry, dict[str, Any]], ResourceKey]
"""(entry, its resource with the final reference to its patient) → the key it is created under."""
INTERACTION: Final = {"POST": "create", "PUT": "update", "DELETE": "delete"}


def interactions_of(entry: Entry) -> tuple[str, ...]:
    """The interactions whose rights an entry needs; a conditional create tells whether something matches."""
    interaction = INTERACTION.get(entry.method) or ("read" if entry.key else "search")
    return (interaction, "search") if entry.if_none_exist is not None else (interaction,)


def check_entries(
    parsed: list[Entry | GalenError], validator: Validator, authorise: Authorise
) -> list[Entry]:
    """All entries of a transaction, or InputError with every finding of every entry. Raises Forbidden first."""
    findings = Findings()
    entries = [entry for entry in parsed if isinstance(entry, Entry)]
    for entry in entries:
        for interaction in interactions_of(entry):
            authorise(entry.type, interaction)
    for refused in parsed:
        if not isinstance(refused, Entry):
            findings.issues.extend(refused.issues or (error("invalid", refused.text),))
    for entry in entries:
        _check(entry, validator, findings)
    _check_unique(entries, findings)
    findings.refuse()
    return entries


def _check(entry: Entry, validator: Validator, findings: Findings) -> None:
    if entry.resource is None:
        return
    found = [issue for issue in validator.validate(entry.resource) if issue.severity in ("error", "fatal")]
    if found:
        findings.issues.extend(issue.prefixed(f"{entry.path}.resource") for issue in found)
        findings.status = 422
    if entry.method == "PUT" and entry.resource.get("id") != (entry.key.id if entry.key else None):
        findings.add(entry, "invalid", "The resource's id must be the id in the url.", ".resource.id")


def _check_unique(entries: list[Entry], findings: Findings) -> None:
    seen: set[ResourceKey] = set()
    urls: set[str] = set()
    criteria: set[tuple[str, str]] = set()
    for entry in entries:
        if entry.method == "POST" and entry.if_none_exist is not None:
            if (entry.type, entry.if_none_exist) in criteria:
                text = "Two entries of one transaction have the same ifNoneExist."
                findings.add(entry, "duplicate", text, ".request.ifNoneExist")
            criteria.add((entry.type, entry.if_none_exist))
        if entry.method in ("PUT", "DELETE") and entry.key:
            if entry.key in seen:
                findings.add(
                    entry,
                    "duplicate",
                    "Two entries of one transaction change the same resource.",
                    ".request.url",
                )
            seen.add(entry.key)
        if entry.full_url and entry.resource is not None:
            if entry.full_url in urls:
                findings.add(entry, "duplicate", "Two entries have the same fullUrl.", ".fullUrl")
            urls.add(entry.full_url)


def resolve_references(
    entries: list[Entry],
    conditional: Callable[[str, str], ResourceKey | None],
    mint: Mint,
) -> None:
    """Give every POST its key (its patient's first) and rewrite all references in place.

    `conditional(type, criteria)` finds the one resource of a conditional reference. Raises InputError naming each entry
    with a reference to something the transaction does not hold.
    """
    findings = Findings()
    by_url = {entry.full_url: entry for entry in entries if entry.full_url and entry.resource is not None}
    for entry in entries:
        _name(entry, by_url, mint, set())
    internal = {url: str(entry.key) for url, entry in by_url.items()}
    found: dict[str, str | None] = {}

    def target(entry: Entry, reference: str) -> str | None:
        inside = internal.get(reference) or internal.get(f"{service_base(entry.full_url)}/{reference}")
        if inside is not None:
            return inside
        if reference.startswith(("urn:uuid:", "urn:oid:")):
            findings.add(
                entry,
                "not-found",
                "A reference names a fullUrl that is not in this transaction.",
                ".resource",
            )
        elif "?" in reference and not reference.startswith(("http:", "https:")):
            if reference not in found:
                type_, _, criteria = reference.partition("?")
                key = conditional(type_, criteria) if type_ in RESOURCE_TYPES else None
                found[reference] = str(key) if key else None
            if found[reference] is None:
                findings.add(entry, "not-found", "A conditional reference matches nothing.", ".resource")
            return found[reference]
        return None

    for entry in entries:
        if entry.resource is not None:
            rewritten = rewrite(entry.resource, lambda text, entry=entry: target(entry, text), internal)  # type: ignore[misc]
            entry.resource = {**rewritten, "id": entry.key.id} if entry.key else rewritten
    findings.refuse()


def _name(entry: Entry, by_url: dict[str, Entry], mint: Mint, open_: set[int]) -> None:
    if entry.key is not None or entry.resource is None or entry.index in open_:
        return
    reference = patient_reference(entry.resource)
    patient = by_url.get(reference) or by_url.get(f"{service_base(entry.full_url)}/{reference}")
    probe: dict[str, Any] = entry.resource
    if patient is not None and patient is not entry:
        _name(patient, by_url, mint, open_ | {entry.index})
        if patient.key is not None:
            probe = _with_patient(entry.resource, reference, str(patient.key))
    entry.key = mint(entry, probe)


def _with_patient(resource: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    shallow = {
        name: value
        for name, value in resource.items()
        if isinstance(value, dict) and value.get("reference") == old
    }
    return {**resource, **{name: {**value, "reference": new} for name, value in shallow.items()}}
