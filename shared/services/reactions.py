"""What follows from a change of the records, for one page of the change feed: scores and alerts first, then the landing.

One reader of the feed serves all: each reader costs a decoding of every item, and that was a third of the processor time
of an alert (docs/decisions/012-one-reader-of-the-feed.md).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.fhir.outcome import error
from shared.domain.records import Item
from shared.errors import Busy, Disposal, Fault, Unavailable, consequence_of
from shared.services.dead_letters import DeadLetters
from shared.services.isolate import isolate, pointer_to
from shared.services.land_commits import LandCommits
from shared.services.land_predictions import LandPredictions
from shared.services.pulse import Pulse
from shared.services.ring_alerts import RingAlerts
from shared.services.score_patients import ScorePatients
from shared.services.score_readmission import ScoreReadmission
from shared.services.watch_falls import WatchFalls
from shared.telemetry import note

STAGE: Final = "read-change"
_ENVELOPE: Final = frozenset({"tenant", "home", "id", "kind"})
_log = logging.getLogger("galen.reactions")


@dataclass(frozen=True, slots=True)
class Change:
    """A change as a feed tells of it: whose item, and what reads it, which fails where the item is damaged.

    `read` answers None for what is no item; it raises Busy and Unavailable where part of the item cannot be had now.
    """

    tenant: str
    home: str
    id: str
    read: Callable[[], Item | None]


class Reactions:
    """Runs them in turn. A store that fails one does not keep the others from this page."""

    def __init__(
        self,
        scores: ScorePatients,
        readmission: ScoreReadmission,
        falls: WatchFalls,
        pulse: Pulse,
        commits: LandCommits,
        dead_letters: DeadLetters,
        predictions: LandPredictions,
        *,
        bell: RingAlerts | None = None,
    ) -> None:
        self._dead_letters = dead_letters
        self._each: tuple[Callable[[Sequence[Item]], object], ...] = (
            scores.react,
            readmission.react,
            falls.react,
            lambda items: isolate("pulse", items, pulse.echo, dead_letters),
            commits.land,
            predictions.land,
            *((bell.react,) if bell else ()),
        )

    def react(self, items: Sequence[Item]) -> None:
        """All reactions to a page; doing them again changes nothing. Raises Busy or Unavailable where one failed so."""
        failure: Busy | Unavailable | None = None
        for reaction in self._each:
            try:
                reaction(items)
            except (Busy, Unavailable) as met:
                failure = failure or met
        if failure is not None:
            raise failure

    def take(self, changes: Iterable[Change]) -> None:
        """As `react`, of changes not read yet; one that can never be read is set aside, and the others go on."""
        read = [self._read(change) for change in changes]
        self.react([item for item in read if item is not None])

    def again(self, items: Iterable[Item]) -> int:
        """The reactions to items that could not be read once; to how many."""
        found = list(items)
        self.react(found)
        return len(found)

    def _read(self, change: Change) -> Item | None:
        try:
            item = change.read()
            if item is not None and not item.keys() >= _ENVELOPE:
                raise Fault
        except Exception as failure:
            if consequence_of(failure).disposal is Disposal.RETRY:
                raise
            note(_log, logging.ERROR, "change not read", error=type(failure).__name__)
            issue = error("exception", "A changed item cannot be read; it can be replayed once it is mended.")
            where = pointer_to(change.home, change.id, STAGE)
            self._dead_letters.put(change.tenant, "", STAGE, where, (issue,))
            return None
        return item
