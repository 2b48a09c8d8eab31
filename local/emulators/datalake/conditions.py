"""Access conditions on a blob or path.

https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations
"""

from __future__ import annotations

import email.utils
from collections.abc import Mapping

from local.emulators.datalake.errors import StorageError
from local.emulators.datalake.metadata import Attributes

_SECOND_NS = 1_000_000_000


def check_write(headers: Mapping[str, str], existing: Attributes | None, taken_code: str) -> None:
    """Refuse a change whose conditions fail; `taken_code` is the answer to If-None-Match `*` on what exists."""
    if headers.get("if-none-match") == "*" and existing is not None:
        raise StorageError(taken_code)
    if not _holds(headers, existing):
        raise StorageError("ConditionNotMet")


def check_read(headers: Mapping[str, str], existing: Attributes) -> None:
    """Refuse a read whose conditions fail: 304 for the two that ask for news, 412 for the others."""
    if headers.get("if-none-match") == "*":
        raise StorageError("ConditionNotMet", status=304)
    if _holds(headers, existing):
        return
    kept = {name: value for name, value in headers.items() if name in ("if-match", "if-unmodified-since")}
    if _holds(kept, existing):
        raise StorageError("ConditionNotMet", status=304, headers={"ETag": existing.etag})
    raise StorageError("ConditionNotMet")


def check_dates(headers: Mapping[str, str], existing: Attributes) -> None:
    """Refuse a change to a container whose date conditions fail; ETags do not count there."""
    kept = {name: value for name, value in headers.items() if name.endswith("modified-since")}
    if not _holds(kept, existing):
        raise StorageError("ConditionNotMet")


def check_source(headers: Mapping[str, str], source: Attributes) -> None:
    """The conditions of a copy or rename on what it takes from."""
    prefix = "x-ms-source-"
    asked = {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}
    if asked.get("if-none-match") == "*" or not _holds(asked, source):
        raise StorageError("SourceConditionNotMet")


def _holds(headers: Mapping[str, str], existing: Attributes | None) -> bool:
    """An ETag condition, where given, decides alone; the date conditions count only without one."""
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if match is not None:
        if existing is None or (match != "*" and not _same(match, existing.etag)):
            return False
    elif not _unmodified(headers.get("if-unmodified-since"), existing):
        return False
    if none_match is not None:
        return existing is None or none_match == "*" or not _same(none_match, existing.etag)
    return _modified(headers.get("if-modified-since"), existing)


def _same(asked: str, etag: str) -> bool:
    return asked.strip('"') == etag.strip('"')


def _unmodified(asked: str | None, existing: Attributes | None) -> bool:
    if asked is None:
        return True
    return existing is not None and existing.modified_ns // _SECOND_NS <= _seconds(asked)


def _modified(asked: str | None, existing: Attributes | None) -> bool:
    if asked is None or existing is None:
        return True
    return existing.modified_ns // _SECOND_NS > _seconds(asked)


def _seconds(date: str) -> float:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp()
    except ValueError:
        raise StorageError("InvalidHeaderValue") from None
