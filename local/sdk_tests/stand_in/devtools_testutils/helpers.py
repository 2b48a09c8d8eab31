"""Whether tests run live, and hooks that change or count responses."""

from __future__ import annotations

from typing import Any


class _Live:
    """Callable like a function; tests set `_cache` on it."""

    _cache = True

    def __call__(self) -> bool:
        return True


is_live = _Live()


class ResponseCallback:
    """A hook that turns one status into another."""

    def __init__(self, status: int | None = None, new_status: int | None = None) -> None:
        self.status = status
        self.new_status = new_status
        self.first = True
        self.count = 0

    def override_first_status(self, response: Any) -> None:
        """Changes the first response that has the status."""
        if self.first and response.http_response.status_code == self.status:
            response.http_response.status_code = self.new_status
            self.first = False

    def override_status(self, response: Any) -> None:
        """Changes every response that has the status."""
        if response.http_response.status_code == self.status:
            response.http_response.status_code = self.new_status
            self.count += 1


class RetryCounter:
    """A hook that counts retries."""

    def __init__(self) -> None:
        self.count = 0

    def simple_count(self, _: Any) -> None:
        """Counts one."""
        self.count += 1
