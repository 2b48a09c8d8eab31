"""The parts of Microsoft's internal test library that the SDKs' tests use, for a run against emulators.

The names are the tests' own. Recording and its sanitizers are nothing here: each test runs live.
"""

from .azure_recorded_testcase import AzureRecordedTestCase, get_credential, get_region_override
from .environment import EnvironmentVariableLoader, EnvironmentVariableOptions
from .fake_credentials import FakeTokenCredential
from .helpers import ResponseCallback, RetryCounter, is_live
from .recording import (
    add_body_key_sanitizer,
    add_body_regex_sanitizer,
    add_general_regex_sanitizer,
    add_header_regex_sanitizer,
    add_oauth_response_sanitizer,
    add_uri_regex_sanitizer,
    recorded_by_proxy,
    set_bodiless_matcher,
    set_custom_default_matcher,
)

__all__ = [
    "AzureRecordedTestCase",
    "EnvironmentVariableLoader",
    "EnvironmentVariableOptions",
    "FakeTokenCredential",
    "ResponseCallback",
    "RetryCounter",
    "add_body_key_sanitizer",
    "add_body_regex_sanitizer",
    "add_general_regex_sanitizer",
    "add_header_regex_sanitizer",
    "add_oauth_response_sanitizer",
    "add_uri_regex_sanitizer",
    "get_credential",
    "get_region_override",
    "is_live",
    "recorded_by_proxy",
    "set_bodiless_matcher",
    "set_custom_default_matcher",
]
