"""Gives tests what the environment holds: the names and keys of accounts."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Sequence
from typing import Any


class EnvironmentVariableOptions:
    """Which of the values are secrets."""

    def __init__(self, hide_secrets: Sequence[str] | None = None) -> None:
        self.hide_secrets = list(hide_secrets or ())


class _Secret:
    """A value that no log shows."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def __str__(self) -> str:
        return "a secret"


class EnvironmentVariableLoader:
    """A decorator that passes variables to a test as keyword arguments, each by its name in lower case."""

    def __init__(
        self,
        _directory: str,
        options: EnvironmentVariableOptions | None = None,
        **fakes: str,
    ) -> None:
        hidden = options.hide_secrets if options else []
        self._values: dict[str, Any] = {}
        for name, fake in fakes.items():
            value = os.environ.get(name.upper(), fake)
            self._values[name] = _Secret(value) if name in hidden else value

    def __call__(self, test: Callable[..., Any]) -> Callable[..., Any]:
        """Returns the test with its arguments filled in."""
        takes = inspect.signature(test).parameters
        takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values())
        values = {name: value for name, value in self._values.items() if takes_all or name in takes}
        if inspect.iscoroutinefunction(test):

            @functools.wraps(test)
            async def filled_async(*arguments: Any, **given: Any) -> Any:
                return await test(*arguments, **{**values, **given})

            return filled_async

        @functools.wraps(test)
        def filled(*arguments: Any, **given: Any) -> Any:
            return test(*arguments, **{**values, **given})

        return filled
