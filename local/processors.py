"""On which processor a worker stays.

An interpreter runs one of its threads at a time. Where threads that take turns lie on several processors, each turn wakes
another processor and finds its caches cold: eight threads that score readings in turns cost two fifths more than on one
(docs/decisions/035-workers-stay-on-a-processor.md). Where the system cannot be told (macOS), nothing happens.
"""

from __future__ import annotations

import os
import sys
from typing import Final

PLACE: Final = "GALEN_PROCESSOR"
"""Set by the supervisor: the place of the processor among those that the platform may use; -1 is the last."""
_ALL: Final = "GALEN_PROCESSORS"
"""Set by a worker that stays on one, for what it starts: those that it might use before."""


def settle() -> None:
    """Keep this process on the processor that it was given; one that was started by such a process may use all again."""
    if sys.platform != "linux":
        return
    place, every = os.environ.pop(PLACE, ""), os.environ.pop(_ALL, "")
    usable = sorted({int(each) for each in every.split(",")} if every else os.sched_getaffinity(0))
    if place:
        os.environ[_ALL] = ",".join(map(str, usable))
        os.sched_setaffinity(0, {usable[int(place) % len(usable)]})
    elif every:
        os.sched_setaffinity(0, usable)
