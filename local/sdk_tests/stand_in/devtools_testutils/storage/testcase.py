"""What storage tests find in their base class: addresses, data, looks into listings and progress."""

from __future__ import annotations

import io
import logging
import math
import os
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

from ..azure_recorded_testcase import AzureRecordedTestCase
from ..fake_credentials import STORAGE_ACCOUNT_FAKE_KEY

Progress = list[tuple[int, int | None]]


class StorageRecordedTestCase(AzureRecordedTestCase):
    """A storage test against the emulator that the run names."""

    logger = logging.getLogger("azure.storage")
    sas_token = "?" + generate_account_sas(
        account_name="test",
        account_key=STORAGE_ACCOUNT_FAKE_KEY,
        resource_types=ResourceTypes(object=True),
        permission=AccountSasPermissions(read=True, list=True),
        start=datetime.now() - timedelta(hours=24),  # noqa: DTZ005 - as the tests' own times are
        expiry=datetime.now() + timedelta(days=8),  # noqa: DTZ005
    )

    def account_url(self, storage_account: Any, _: str) -> str:
        """Returns the endpoint of an account: one address serves blobs and files."""
        return f"{os.environ['SDK_TESTS_STORAGE']}/{getattr(storage_account, 'name', storage_account)}"

    def connection_string(self, storage_account: Any, key: Any) -> str:
        """Returns the connection string of an account."""
        url = self.account_url(storage_account, "blob")
        secret = getattr(key, "secret", key)
        return (
            f"DefaultEndpointsProtocol=http;AccountName={storage_account};AccountKey={secret};"
            f"BlobEndpoint={url};DfsEndpoint={url};"
        )

    def generate_fake_sas_token(self) -> str:
        """Returns a token that opens nothing."""
        return self.sas_token

    def generate_sas(self, generate: Callable[..., str], *arguments: Any, **options: Any) -> str:
        """Returns a token of one of the SDK's generators, asynchronous key lookups apart."""
        return generate(*arguments, **options)

    def get_datetime_variable(self, variables: dict[str, str], name: str, value: datetime) -> datetime:
        """Returns the time itself and keeps it under its name."""
        variables.setdefault(name, value.isoformat())
        return value

    def get_random_bytes(self, size: int) -> bytes:
        """Returns as many bytes."""
        return os.urandom(size)

    def get_random_text_data(self, size: int) -> str:
        """Returns text at least as long, a byte a character: the tests count characters where they mean bytes."""
        part = "hello world python "
        return part * math.ceil(size / len(part))

    def enable_logging(self) -> None:
        """Lets the SDK's log through."""
        self.logger.setLevel(logging.DEBUG)
        self.logger.propagate = True
        self.logger.disabled = False

    configure_logging = enable_logging

    def assertNamedItemInContainer(self, container: Iterable[Any], item_name: str, msg: Any = None) -> None:  # noqa: N802
        """Fails where no entry has the name."""
        assert item_name in [_name(item) for item in container], msg or f"{item_name} is not there"

    def assertNamedItemNotInContainer(  # noqa: N802 - the tests' own name
        self, container: Iterable[Any], item_name: str, msg: Any = None
    ) -> None:
        """Fails where an entry has the name."""
        assert item_name not in [_name(item) for item in container], msg or f"{item_name} is there"

    def assert_upload_progress(
        self, size: int, max_chunk_size: int, progress: Progress, unknown_size: bool = False
    ) -> None:
        """Fails where progress was not told once for each chunk."""
        total = None if unknown_size else size
        assert len(progress) == math.ceil(size / max_chunk_size)
        assert all(done % max_chunk_size in (0, size % max_chunk_size) for done, _ in progress)
        assert all(told == total for _, told in progress)

    def assert_download_progress(
        self, size: int, max_chunk_size: int, max_get_size: int, progress: Progress
    ) -> None:
        """Fails where progress was not told once for the first read and once for each chunk after it."""
        rest = max(size - max_get_size, 0)
        assert len(progress) == 1 + math.ceil(rest / max_chunk_size)
        # What the first report says is the SDK's own affair: of text it counts the bytes sent, of a range its start.
        assert all(progress[0])
        assert all(told == size for _, told in progress[1:])


class LogCaptured:
    """A context that gives what the SDK logs."""

    def __init__(self, test_case: StorageRecordedTestCase) -> None:
        self._test_case = test_case
        self._stream = io.StringIO()
        self._handler = logging.StreamHandler(self._stream)

    def __enter__(self) -> io.StringIO:
        self._test_case.enable_logging()
        self._test_case.logger.addHandler(self._handler)
        return self._stream

    def __exit__(self, *_: object) -> None:
        self._test_case.logger.removeHandler(self._handler)
        self._test_case.configure_logging()


def _name(item: Any) -> str:
    if isinstance(item, str):
        return item
    return str(item["name"] if isinstance(item, dict) else item.name)


class GenericTestProxyParametrize1:
    """Keeps one parameter of a test in its signature; nothing is to be done for it where tests run live."""

    def __call__(self, test: Callable[..., Any]) -> Callable[..., Any]:
        """Returns the test itself."""
        return test


class GenericTestProxyParametrize2(GenericTestProxyParametrize1):
    """The same for two parameters."""
