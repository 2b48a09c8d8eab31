"""Throughput that is enforced: a bucket of one second's request units for each offer, then 429 until it is filled again.

https://learn.microsoft.com/azure/cosmos-db/set-throughput
The service gives each physical partition its share; here the containers of an offer use all of it, wherever their keys are.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from .charges import HEADER, Budget
from .errors import too_many_requests
from .items import Answer
from .model import Container
from .offers import Offers
from .ranges import units_of
from .store import Store

_REFUSED_UNITS = 1.0


class Throughput:
    """The buckets of an account; an offer that is changed begins with a full one."""

    def __init__(self, store: Store, offers: Offers, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._offers = offers
        self._clock_s = clock_s
        self._budgets: dict[str, Budget] = {}

    def spend_on(self, container: Container, work: Callable[[], Answer]) -> Answer:
        """Does the work at the container's cost; raises the 429 while what was used before has to be waited for."""
        budget = self._budget(container)
        if budget is None:
            return work()
        wait_ms = budget.wait_ms()
        if wait_ms:
            raise too_many_requests(wait_ms)
        units = _REFUSED_UNITS
        try:
            answer = work()
            units = float(answer.headers.get(HEADER, units))
            return answer
        finally:
            budget.spend(units)

    def _budget(self, container: Container) -> Budget | None:
        """Returns the bucket of a container's own offer, else of its database's."""
        own = self._offers.of(container.properties)
        offer = own or self._offers.of(self._store.databases[container.database])
        if offer is None:
            return None
        units_per_s = units_of(offer["content"])
        found = self._budgets.get(offer["id"])
        if found is None or found.units_per_s != units_per_s:
            found = self._budgets[offer["id"]] = Budget(units_per_s, self._clock_s)
        return found
