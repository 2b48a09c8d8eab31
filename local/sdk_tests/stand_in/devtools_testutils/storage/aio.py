"""The same for asynchronous tests."""

from .testcase import (
    GenericTestProxyParametrize1,
    GenericTestProxyParametrize2,
    StorageRecordedTestCase,
)


class AsyncStorageRecordedTestCase(StorageRecordedTestCase):
    """A storage test whose methods are coroutines."""


__all__ = ["AsyncStorageRecordedTestCase", "GenericTestProxyParametrize1", "GenericTestProxyParametrize2"]
