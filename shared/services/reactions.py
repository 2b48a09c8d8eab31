"""What follows from a change of the records, for one page of the change feed: scores and alerts first, then the landing.

One reader of the feed serves all: each reader costs a decoding of every item, and that was a third of the processor time
of an alert (docs/decisions/012-one-reader-of-the-feed.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shared.domain.records import Item
from shared.errors import Busy, Unavailable
from shared.services.land_commits import LandCommits
from shared.services.pulse import Pulse
from shared.services.score import ScoreVitals
from shared.services.score_readmission import ScoreReadmission
from shared.services.score_sepsis import ScoreSepsis
from shared.services.watch_falls import WatchFalls


class Reactions:
    """Runs them in turn. A store that fails one does not keep the others from this page."""

    def __init__(
        self,
        score: ScoreVitals,
        sepsis: ScoreSepsis,
        readmission: ScoreReadmission,
        falls: WatchFalls,
        pulse: Pulse,
        commits: LandCommits,
    ) -> None:
        self._each: tuple[Callable[[Sequence[Item]], object], ...] = (
            score.react,
            sepsis.react,
            readmission.react,
            falls.react,
            pulse.echo,
            commits.land,
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
