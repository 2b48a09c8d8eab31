"""Reading a container from one end to the other: the change feed and the plain list of items.

https://learn.microsoft.com/azure/cosmos-db/change-feed-pull-model
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from .errors import bad_request
from .json_text import with_members
from .model import Container
from .reach import Reach
from .store import Store

_PAGE_BYTES_MAX = 4 << 20


def changes(
    store: Store, container: Container, reach: Reach, headers: Mapping[str, str], size: int
) -> tuple[list[bytes], str]:
    """Returns the texts of a page of changes, oldest first, and the continuation (an entity tag).

    Each item comes once, in its latest version; without changes the continuation still moves on.
    """
    since = _start(container, headers.get("if-none-match"))
    not_before = _instant(headers.get("if-modified-since"))
    everything = (
        len(reach.groups) == len(container.groups) and reach.partition is None and reach.partitions is None
    )
    rows: list[bytes] = []
    total = 0
    last = container.lsn
    for item in container.changes_after(since):
        # What was written together is told together, whatever the page holds: the next one begins behind its number.
        if (len(rows) >= size or total > _PAGE_BYTES_MAX) and item.lsn != last:
            break
        last = item.lsn
        if item.ts < not_before or not (everything or reach.holds(item)):
            continue
        row = with_members(store.raw(item), b'"_lsn":%d' % item.lsn)
        rows.append(row)
        total += len(row)
    else:
        last = container.lsn
    return rows, f'"{last}"'


def _start(container: Container, tag: str | None) -> int:
    if not tag:
        return 0
    if tag == "*":
        return container.lsn
    text = tag.strip('"')
    if not text.isdecimal():
        raise bad_request("The change feed continuation is invalid.")
    return int(text)


def _instant(text: str | None) -> float:
    if not text:
        return 0.0
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        raise bad_request("The If-Modified-Since header is no HTTP date.") from None
