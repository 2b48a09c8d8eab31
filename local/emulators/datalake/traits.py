"""What a blob is told to be besides its bytes and metadata: tier, seal, expiry, encryption.

Each is kept under the response header that tells it.
https://learn.microsoft.com/azure/storage/blobs/access-tiers-overview
https://learn.microsoft.com/rest/api/storageservices/set-blob-expiry
"""

from __future__ import annotations

from collections.abc import Mapping

from local.emulators import clock
from local.emulators.datalake import immutability
from local.emulators.datalake.errors import StorageError
from local.emulators.datalake.immutability import instant_s
from local.emulators.datalake.metadata import Attributes
from local.emulators.datalake.request import Request, http_date

TIER, TIER_CHANGED, ARCHIVE_STATUS = (
    "x-ms-access-tier",
    "x-ms-access-tier-change-time",
    "x-ms-archive-status",
)
REHYDRATE_PRIORITY, SMART_TIER = "x-ms-rehydrate-priority", "x-ms-smart-access-tier"
SEALED = "x-ms-blob-sealed"
EXPIRY = "x-ms-expiry-time"
_TOLD_AS_GIVEN = ("x-ms-encryption-scope", "x-ms-encryption-context")
_TIERS = ("Hot", "Cool", "Cold", "Archive", "Smart")
_PRIORITIES = ("Standard", "High")
_SECOND_NS, _MS_NS = 1_000_000_000, 1_000_000
# A blob in the smart tier starts in the tier that it is moved down from.
_SMART_START = "Hot"


def asked(request: Request, created_ns: int) -> dict[str, str]:
    """The traits that a request which makes a file asks for; raises for values that the service refuses."""
    found = {name: request.headers[name] for name in _TOLD_AS_GIVEN if request.header(name)}
    tier = request.header(TIER)
    if tier is not None:
        found |= with_tier({}, _tier(tier), None)
    found |= immutability.asked(request.headers)
    if request.header("x-ms-expiry-option"):
        found |= expiry(request, created_ns)
    return found


def changed_tier(request: Request, now: Mapping[str, str]) -> dict[str, str]:
    """The traits after Set Blob Tier."""
    tier = request.header(TIER)
    if tier is None:
        raise StorageError("MissingRequiredHeader", "x-ms-access-tier is missing.")
    return with_tier(now, _tier(tier), request.header(REHYDRATE_PRIORITY))


def with_tier(now: Mapping[str, str], tier: str, priority: str | None) -> dict[str, str]:
    """The traits with another tier; a blob leaves the archive slowly, so that there it only begins to."""
    if priority is not None and priority not in _PRIORITIES:
        raise StorageError("InvalidHeaderValue", f"{REHYDRATE_PRIORITY} is Standard or High.")
    if is_archived(now):
        if tier == "Archive":
            return dict(now)
        if ARCHIVE_STATUS in now:
            raise StorageError("BlobBeingRehydrated")
        status = f"rehydrate-pending-to-{tier.lower()}"
        return {**now, ARCHIVE_STATUS: status, REHYDRATE_PRIORITY: priority or "Standard"}
    kept = {name: value for name, value in now.items() if name != SMART_TIER}
    kept |= {TIER: tier, TIER_CHANGED: http_date(clock.now_ns())}
    if tier == "Smart":
        kept[SMART_TIER] = _SMART_START
    return kept


def is_archived(traits: Mapping[str, str]) -> bool:
    """Whether the bytes cannot be read now."""
    return traits.get(TIER) == "Archive"


def require_readable(traits: Mapping[str, str]) -> None:
    """Refuse to read what is archived."""
    if is_archived(traits):
        raise StorageError("BlobArchived")


def expiry(request: Request, created_ns: int) -> dict[str, str]:
    """The expiry asked for, empty for never; times are milliseconds or a date."""
    option, given = request.header("x-ms-expiry-option") or "", request.header(EXPIRY) or ""
    if option.lower() == "neverexpire":
        return {}
    if option.lower() == "absolute":
        return {EXPIRY: http_date(int(instant_s(given) * _SECOND_NS))}
    starts = {"relativetonow": clock.now_ns(), "relativetocreation": created_ns}
    if option.lower() not in starts or not given.isdecimal():
        raise StorageError("InvalidHeaderValue", "x-ms-expiry-option or x-ms-expiry-time is not valid.")
    return {EXPIRY: http_date(starts[option.lower()] + int(given) * _MS_NS)}


def is_expired(attributes: Attributes) -> bool:
    """Whether the file's time is over."""
    until = attributes.traits.get(EXPIRY)
    return until is not None and instant_s(until) <= clock.now()


def check_tier_change(headers: Mapping[str, str], attributes: Attributes) -> None:
    """The conditions of a deletion on when the tier was changed last."""
    since, until = (
        headers.get("x-ms-access-tier-if-modified-since"),
        headers.get("x-ms-access-tier-if-unmodified-since"),
    )
    if since is None and until is None:
        return
    text = attributes.traits.get(TIER_CHANGED) or http_date(attributes.created_ns)
    changed_s = instant_s(text)
    if (since is not None and changed_s <= instant_s(since)) or (
        until is not None and changed_s > instant_s(until)
    ):
        raise StorageError("AccessTierChangeTimeConditionNotMet")


def _tier(asked_for: str) -> str:
    if asked_for not in _TIERS:
        raise StorageError("InvalidHeaderValue", f"{TIER} is one of {', '.join(_TIERS)}.")
    return asked_for
