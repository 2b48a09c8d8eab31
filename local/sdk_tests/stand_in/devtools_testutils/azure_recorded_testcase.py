"""The base class of recorded tests, and the credential of a run."""

from __future__ import annotations

import hashlib
import os
import time
from typing import Any

from azure.core.credentials import AzureNamedKeyCredential

from .fake_credentials import FakeTokenCredential
from .fake_credentials_async import AsyncFakeCredential

_PREFIX_LENGTH = 15


def get_credential(*_: Any, is_async: bool = False, **__: Any) -> Any:
    """Returns the key that the run was given instead of an Entra token, which no emulator checks."""
    if "SDK_TESTS_KEY_NAME" in os.environ:
        return AzureNamedKeyCredential(os.environ["SDK_TESTS_KEY_NAME"], os.environ["SDK_TESTS_KEY"])
    if "ACCOUNT_KEY" in os.environ:
        return os.environ["ACCOUNT_KEY"]
    return AsyncFakeCredential() if is_async else FakeTokenCredential()


def get_region_override(default: str = "westus") -> str:
    """Returns the region that tests name."""
    return default


class AzureRecordedTestCase:
    """A test that runs live."""

    is_live = True
    in_recording = False

    def is_playback(self) -> bool:
        """Returns whether answers come from a recording: never."""
        return False

    @property
    def qualified_test_name(self) -> str:
        """The name of the running test with its file, by which resources are named."""
        return os.environ.get("PYTEST_CURRENT_TEST", "test").rpartition(" ")[0]

    def get_resource_name(self, name: str) -> str:
        """Returns a name that is the same within a test and another one in each other test and run."""
        test = f"{self.qualified_test_name}|{os.environ.get('SDK_TESTS_RUN', '')}|{name}"
        return name + hashlib.sha256(test.encode()).hexdigest()[:_PREFIX_LENGTH]

    create_random_name = get_resource_name

    def get_credential(self, _: type, **options: Any) -> Any:
        """Returns the credential for a client."""
        return get_credential(is_async=bool(options.get("is_async")))

    def get_settings_value(self, name: str) -> str | None:
        """Returns a setting of the run."""
        return os.environ.get(f"AZURE_{name}")

    def sleep(self, seconds: float) -> None:
        """Waits, as a live test has to."""
        time.sleep(seconds)
