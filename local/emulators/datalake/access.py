"""Who may ask: the signature of a request or token, stored access policies, and what a container shows to all.

https://learn.microsoft.com/rest/api/storageservices/get-container-acl
https://learn.microsoft.com/rest/api/storageservices/define-stored-access-policy
https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-configure
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from local.emulators.datalake import conditions, sas, xml
from local.emulators.datalake.errors import StorageError, not_implemented
from local.emulators.datalake.lake import Lake, describe
from local.emulators.datalake.names import Place
from local.emulators.datalake.request import Request, Response
from local.emulators.datalake.store import Entry

PUBLIC = "x-ms-blob-public-access"
POLICIES = "policies"
_MOST_POLICIES = 5
_LARGEST_DOCUMENT = 64 * 1024


def authorise(lake: Lake, request: Request, letters: str) -> None:
    """Raise unless the request is signed, carries a valid token, or asks for what everybody may read."""
    authorization = request.header("authorization")
    if authorization is not None:
        if authorization.partition(" ")[0] == "Bearer":
            raise not_implemented("Entra tokens")
        lake.key.check(request, authorization)
    elif "sig" in request.query:
        check_token(lake, request.query, request.place, letters)
    elif not is_public(lake, request.place, letters):
        raise StorageError("NoAuthenticationInformation", headers={"WWW-Authenticate": "SharedKey"})


def check_token(lake: Lake, query: Mapping[str, str], place: Place, letters: str) -> None:
    """Raise unless the token is genuine, valid now and grants one of the letters here."""
    policy: dict[str, str] = {}
    if "si" in query:
        policy = _policies(lake, place).get(query["si"], {})
        if not policy:
            raise StorageError("AuthenticationFailed", "The token's stored access policy does not exist.")
    sas.check(lake.key, query, place, letters, policy)


def is_public(lake: Lake, place: Place, letters: str) -> bool:
    """Whether the operation reads what the container shows to everybody."""
    if not place.container or not letters or not set(letters) <= set("rl"):
        return False
    container = lake.store.find(Place(place.container, ""))
    level = container.attributes.traits.get(PUBLIC) if container else None
    return level == "container" or (level == "blob" and bool(place.path) and "r" in letters)


def asked_level(request: Request) -> dict[str, str]:
    """The level of public access asked for; none where the header is absent."""
    level = request.header(PUBLIC)
    if level is None:
        return {}
    if level not in ("blob", "container"):
        raise StorageError("InvalidHeaderValue", f"{PUBLIC} is blob or container.")
    return {PUBLIC: level}


async def get_policies(lake: Lake, request: Request) -> Response:
    """Get Container ACL: the stored access policies and the public level."""
    entry = lake.container(request)
    lake.leases.check_read(request.place, request.header("x-ms-lease-id"))
    document = xml.signed_identifiers(json.loads(entry.attributes.traits.get(POLICIES, "{}")))
    level = {PUBLIC: entry.attributes.traits.get(PUBLIC, "")}
    return Response(200, {**describe(entry), **level, "Content-Type": "application/xml"}, document)


async def set_policies(lake: Lake, request: Request) -> Response:
    """Set Container ACL: what is given replaces all that was there."""
    body = await request.body(_LARGEST_DOCUMENT)
    policies = xml.parse_signed_identifiers(body) if body.strip() else {}
    if len(policies) > _MOST_POLICIES:
        raise StorageError("InvalidXmlDocument", "A container has at most five stored access policies.")
    entry = lake.container(request)
    conditions.check_dates(request.headers, entry.attributes)
    lake.leases.check_read(request.place, request.header("x-ms-lease-id"))
    traits = {
        name: value for name, value in entry.attributes.traits.items() if name not in (PUBLIC, POLICIES)
    }
    traits |= {**asked_level(request), POLICIES: json.dumps(policies)}
    attributes = lake.store.rows.touched(entry.attributes, traits=traits)
    lake.store.write_attributes(entry, attributes)
    return Response(200, describe(Entry(entry.place, entry.stat, attributes)))


def check_source(lake: Lake, query: Mapping[str, str], request: Request, place: Place, *, own: bool) -> None:
    """Raise unless the source of a copy may be read: by its token, publicly, or (`own`) by the account's own key."""
    if "x-ms-copy-source-authorization" in request.headers:
        raise not_implemented("Entra tokens for the source of a copy")
    try:
        if "sig" in query:
            check_token(lake, query, place, "r")
        elif not (own and request.header("authorization")) and not is_public(lake, place, "r"):
            raise StorageError("NoAuthenticationInformation")
    except StorageError as error:
        told = {"x-ms-copy-source-status-code": str(error.status), "x-ms-copy-source-error-code": error.code}
        raise StorageError(
            "CannotVerifyCopySource", error.message, status=error.status, headers=told
        ) from None


def _policies(lake: Lake, place: Place) -> dict[str, dict[str, str]]:
    container = lake.store.find(Place(place.container, ""))
    found = json.loads(container.attributes.traits.get(POLICIES, "{}")) if container else {}
    # A policy that says nothing is one all the same: the token then says everything.
    return {name: {"": "", **policy} for name, policy in found.items()}
