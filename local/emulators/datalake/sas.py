"""Shared access signatures: service (blob, container, directory) and account, made with the account key.

https://learn.microsoft.com/rest/api/storageservices/create-service-sas
https://learn.microsoft.com/rest/api/storageservices/create-account-sas
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from local.emulators import clock
from local.emulators.datalake.auth import SharedKey
from local.emulators.datalake.errors import StorageError, not_implemented
from local.emulators.datalake.names import Place

_WITH_ENCRYPTION_SCOPE = "2020-12-06"
_OLDEST = "2018-11-09"
_ACCOUNT_FIELDS = ("sp", "ss", "srt", "st", "se", "sip", "spr", "sv")


def check(
    key: SharedKey, query: Mapping[str, str], place: Place, needed: str, policy: Mapping[str, str]
) -> None:
    """Raise unless the token in the query is genuine, valid now, and grants one of the `needed` letters here.

    What the token leaves open its stored access policy says; what both say is refused.
    """
    if "skoid" in query:
        raise not_implemented("user delegation SAS")
    if any(policy.get(name) and query.get(name) for name in ("st", "se", "sp")):
        raise StorageError("AuthenticationFailed", "The token says what its stored access policy says too.")
    if query.get("sv", "") < _OLDEST:
        raise StorageError("AuthenticationFailed", f"sv must be {_OLDEST} or later.")
    if "srt" in query:
        _check_account(key, query, place)
    else:
        _check_service(key, query, place)
    granted = {**query, **{name: text for name, text in policy.items() if text}}
    now = clock.now()
    if not _instant(granted, "st", 0) <= now < _instant(granted, "se", 0):
        raise StorageError("AuthenticationFailed", "The shared access signature is not valid at this time.")
    if "http" not in query.get("spr", "http").split(","):
        raise StorageError("AuthorizationProtocolMismatch")
    if not set(needed) & set(granted.get("sp", "")):
        raise StorageError("AuthorizationPermissionMismatch")


def _check_account(key: SharedKey, query: Mapping[str, str], place: Place) -> None:
    fields = [key.account, *(query.get(name, "") for name in _ACCOUNT_FIELDS)]
    if query["sv"] >= _WITH_ENCRYPTION_SCOPE:
        fields.append(query.get("ses", ""))
    _require_signature(key, query, "\n".join(fields) + "\n")
    if "b" not in query.get("ss", ""):
        raise StorageError("AuthorizationServiceMismatch")
    level = "o" if place.path else "c" if place.container else "s"
    # Listing a container's blobs is a container operation, and so are its properties.
    if level not in query["srt"]:
        raise StorageError("AuthorizationResourceTypeMismatch")


def _check_service(key: SharedKey, query: Mapping[str, str], place: Place) -> None:
    resource = query.get("sr", "")
    if resource == "c":
        path = ""
    elif resource == "b":
        path = place.path
    elif resource == "d":
        path = "/".join(place.path.split("/")[: _depth(query)])
    else:
        raise StorageError("AuthenticationFailed", "sr must be b, c or d.")
    canonical = f"/blob/{key.account}/{place.container}" + (f"/{path}" if path else "")
    fields = [query.get(name, "") for name in ("sp", "st", "se")]
    fields += [
        canonical,
        query.get("si", ""),
        query.get("sip", ""),
        query.get("spr", ""),
        query["sv"],
        resource,
        "",
    ]
    if query["sv"] >= _WITH_ENCRYPTION_SCOPE:
        fields.append(query.get("ses", ""))
    fields += [query.get(name, "") for name in ("rscc", "rscd", "rsce", "rscl", "rsct")]
    _require_signature(key, query, "\n".join(fields))


def _require_signature(key: SharedKey, query: Mapping[str, str], text: str) -> None:
    if not key.is_signature(text, query.get("sig", "")):
        raise StorageError("AuthenticationFailed", "The shared access signature is not the account key's.")


def _depth(query: Mapping[str, str]) -> int:
    depth = query.get("sdd", "")
    if not depth.isdecimal():
        raise StorageError("AuthenticationFailed", "sdd must be the directory's depth.")
    return int(depth)


def _instant(query: Mapping[str, str], name: str, absent: float) -> float:
    text = query.get(name)
    if text is None:
        return absent
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise StorageError("AuthenticationFailed", f"{name} is not a date.") from None
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()
