"""A request as the endpoints see it, and the responses they give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.responses import Response

from shared.domain.access.caller import Caller
from shared.domain.fhir import json
from shared.domain.fhir.identity import ResourceKey, require_key
from shared.domain.fhir.search_values import parse_query, refuse, require_json
from shared.domain.ingest.references import made_relative
from shared.domain.records import StoredResource

FHIR_JSON: Final = "application/fhir+json; charset=utf-8"
JSON: Final = "application/json; charset=utf-8"
_FREE_PARAMETERS: Final = ("_format", "_pretty")


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request whose route, token and scope have been checked; `body` is empty where the endpoint takes none."""

    method: str
    base_url: str
    path: Mapping[str, str]
    query_string: bytes
    headers: Headers
    caller: Caller
    body: bytes = b""

    @property
    def fhir_base(self) -> str:
        """Where the FHIR endpoint is reached, as the client reached it."""
        return f"{self.base_url}/fhir"

    def document(self) -> dict[str, Any]:
        """The body; references to this server's own address are relative in it. Raises InputError (400)."""
        document = json.decode_object(self.body)
        if self.fhir_base.encode() in self.body.replace(b"\\/", b"/"):
            document = made_relative(document, self.fhir_base)
        return document

    @property
    def key(self) -> ResourceKey:
        """Type and id of the path. Raises InputError."""
        return require_key(self.path["type"], self.path["id"])

    def query(self) -> list[tuple[str, str]]:
        """Every query parameter, repeated ones too, in order. Raises InputError."""
        return parse_query(self.query_string)

    def only(self, *names: str) -> dict[str, str]:
        """The parameters of an endpoint that takes just these, each once. Raises InputError for any other."""
        found: dict[str, str] = {}
        for name, value in self.query():
            if name in found or name not in (*names, *_FREE_PARAMETERS):
                known = ", ".join(names) or "none but _format"
                raise refuse(f"A query parameter is repeated or not supported; supported here: {known}.")
            found[name] = value
        if "_format" in found:
            require_json(found["_format"])
        return found


def fhir(
    resource: dict[str, Any] | str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A FHIR resource, decoded or as JSON text."""
    text = resource if isinstance(resource, str) else json.encode(resource)
    return Response(text, status, headers, FHIR_JSON)


def plain_json(
    value: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """JSON that is not FHIR."""
    return Response(json.encode(value), status, headers, JSON)


def version_headers(stored: StoredResource) -> dict[str, str]:
    """ETag and Last-Modified of a version."""
    changed_at = datetime.fromisoformat(stored.last_updated).astimezone(UTC)
    return {"ETag": f'W/"{stored.version}"', "Last-Modified": format_datetime(changed_at, usegmt=True)}


def location(base: str, stored: StoredResource) -> str:
    """The absolute address of a version."""
    return f"{base}/{stored.key}/_history/{stored.version}"
