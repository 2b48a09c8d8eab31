"""Immutability policies and legal holds on single blobs: what they protect cannot be changed or deleted.

https://learn.microsoft.com/azure/storage/blobs/immutable-storage-overview
https://learn.microsoft.com/rest/api/storageservices/set-blob-immutability-policy
"""

from __future__ import annotations

import email.utils
from collections.abc import Mapping

from local.emulators import clock
from local.emulators.datalake.errors import StorageError

UNTIL, MODE = "x-ms-immutability-policy-until-date", "x-ms-immutability-policy-mode"
LEGAL_HOLD = "x-ms-legal-hold"


def asked(headers: Mapping[str, str]) -> dict[str, str]:
    """The policy and hold that a request which makes a blob asks for, empty where it asks for none."""
    found = policy(headers) if headers.get(UNTIL) else {}
    if headers.get(LEGAL_HOLD, "").lower() == "true":
        found[LEGAL_HOLD] = "true"
    return found


def policy(headers: Mapping[str, str]) -> dict[str, str]:
    """The policy asked for; raises where it has no end that is still to come."""
    until = headers.get(UNTIL)
    if not until:
        raise StorageError("MissingRequiredHeader", f"{UNTIL} is missing.")
    mode = (headers.get(MODE) or "unlocked").lower()
    if mode not in ("unlocked", "locked") or instant_s(until) <= clock.now():
        raise StorageError("InvalidHeaderValue", "The immutability policy has no mode or is over already.")
    return {UNTIL: until, MODE: mode}


def check_new_policy(now: Mapping[str, str], new: Mapping[str, str]) -> None:
    """A locked policy is only ever extended."""
    if now.get(MODE) == "locked" and (new[MODE] != "locked" or instant_s(new[UNTIL]) < instant_s(now[UNTIL])):
        raise StorageError("BlobImmutableDueToPolicy", "A locked immutability policy can only be extended.")


def is_protected(traits: Mapping[str, str]) -> bool:
    """Whether a legal hold or a policy inside its period forbids to change or delete the blob."""
    until = traits.get(UNTIL)
    return traits.get(LEGAL_HOLD) == "true" or (until is not None and instant_s(until) > clock.now())


def require_unprotected(traits: Mapping[str, str]) -> None:
    """Refuse a change to what is protected."""
    if traits and is_protected(traits):
        raise StorageError("BlobImmutableDueToPolicy")


def instant_s(date: str) -> float:
    """Seconds since 1970 of a date in a header."""
    try:
        return email.utils.parsedate_to_datetime(date).timestamp()
    except ValueError:
        raise StorageError("InvalidHeaderValue", "A date header is no date.") from None
