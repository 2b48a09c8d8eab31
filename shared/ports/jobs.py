"""Jobs that run elsewhere: on a Spark workspace in the cloud, as a process on a laptop."""

from __future__ import annotations

from typing import Protocol


class Jobs(Protocol):
    """Starts jobs and does not wait for them."""

    def start(self, name: str) -> bool:
        """Begin a job unless it still runs; False where it runs, or no place to run jobs is configured.

        Raises Unavailable.
        """
        ...
