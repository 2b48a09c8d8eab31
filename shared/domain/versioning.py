"""What becomes of an incoming version beside the one on record: one decision for every door."""

from __future__ import annotations

from enum import StrEnum

from shared.domain.records import Door, Item


class Decision(StrEnum):
    """CREATE where nothing is; REPLACE the older; HISTORY for a late older one; UNCHANGED; CONFLICT for a forked version."""

    CREATE = "create"
    REPLACE = "replace"
    HISTORY = "history"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"


def decide(current: Item | None, incoming: Item) -> Decision:
    """Compare source versions as text. By HTTP identical content makes no new version; by stream and file it does.

    A tombstone is a version like any other, so a late older update does not resurrect.
    """
    if current is None:
        return Decision.CREATE
    if incoming["version"] == current["version"]:
        return Decision.UNCHANGED
    if incoming["door"] in (Door.HTTP, Door.SCORE) and incoming["hash"] == current["hash"]:
        return Decision.UNCHANGED
    if incoming["sv"] == current["sv"]:
        return Decision.CONFLICT
    return Decision.REPLACE if incoming["sv"] > current["sv"] else Decision.HISTORY
