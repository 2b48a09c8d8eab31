"""Decorators and sanitizers of recorded tests: a test that runs live is left as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Test = Callable[..., Any]


def recorded_by_proxy(test: Test) -> Test:
    """Returns the test itself."""
    return test


recorded_by_proxy_async = recorded_by_proxy


def _nothing_to_clean(*_: Any, **__: Any) -> None:
    """There is no recording from which anything would be taken out."""


add_body_key_sanitizer = _nothing_to_clean
add_body_regex_sanitizer = _nothing_to_clean
add_general_regex_sanitizer = _nothing_to_clean
add_header_regex_sanitizer = _nothing_to_clean
add_oauth_response_sanitizer = _nothing_to_clean
add_uri_regex_sanitizer = _nothing_to_clean
set_bodiless_matcher = _nothing_to_clean
set_custom_default_matcher = _nothing_to_clean
