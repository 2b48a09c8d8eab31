"""The base class of the storage tests."""

from .testcase import (
    GenericTestProxyParametrize1,
    GenericTestProxyParametrize2,
    LogCaptured,
    StorageRecordedTestCase,
)

__all__ = [
    "GenericTestProxyParametrize1",
    "GenericTestProxyParametrize2",
    "LogCaptured",
    "StorageRecordedTestCase",
]
