"""Modules that take seconds to load, loaded by the first test that uses them: every process collects every file."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest


class _Lazily:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith(
            "_"
        ):  # pytest looks at each name of a test's file for what fixtures and mocks have
            raise AttributeError(attribute)
        return getattr(import_module(self._name), attribute)


def lazily(name: str) -> Any:
    """The module of that name, loaded when something of it is asked for."""
    return _Lazily(name)


def require(package: str, reason: str) -> None:
    """Skips the file that calls this where a package is not installed; where it is, nothing of it is loaded."""
    if find_spec(package) is None:
        pytest.skip(reason, allow_module_level=True)
