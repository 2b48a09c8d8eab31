"""What becomes of an incoming version beside the one on record: one decision for every door."""

from __future__ import annotations

from enum import StrEnum

from shared.domain.records import Item


def same_content(current: Item | None, incoming: Item) -> bool:
    """Whether a write by HTTP would make a version without a difference: then it makes none."""
    return current is not None and current["hash"] == incoming["hash"]


class Decision(StrEnum):
    """CREATE where nothing is; REPLACE the older; HISTORY for a late older one; UNCHANGED; CONFLICT for a forked version."""

    CREATE = "create"
    REPLACE = "replace"
    HISTORY = "history"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"


def decide(current: Item | None, incoming: Item) -> Decision:
    """Compare source versions as text; content tells only a redelivery from a fork.

    A tombstone is a version like any other, so a late older update does not resurrect.
    """
    if current is None:
        return Decision.CREATE
    if incoming["version"] == current["version"]:
        return Decision.UNCHANGED
    if incoming["sv"] == current["sv"]:
        return Decision.CONFLICT
    return Decision.REPLACE if incoming["sv"] > current["sv"] else Decision.HISTORY
