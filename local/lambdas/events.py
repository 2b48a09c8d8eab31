"""What EventBridge sends: dropped files as they appear in the bucket, and schedules."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from local.lambdas.function import Function, FunctionFailed

LOOK_S: Final = 0.5
TRIES: Final = 3
"""As often is a function called that is told and not asked."""
_log: Final = logging.getLogger("galen.lambda")


class DroppedFiles:
    """Tells of each object made in a bucket from the start on; what was there before the sweeper finds."""

    def __init__(self, client: Any, bucket: str, function: Function) -> None:
        self._client = client
        self._bucket = bucket
        self._function = function

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        known = self._objects()
        while not stop.wait(LOOK_S):
            found = self._objects()
            if found is None:
                continue
            if known is None:
                known = found  # what came before the first look is the sweeper's
            for key, etag in sorted(found.items()):
                if known.get(key) != etag:
                    self._tell(key, etag, stop)
            known = found

    def _objects(self) -> dict[str, str] | None:
        """Those there are; None where the bucket was not to be listed."""
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
            return {
                each["Key"]: each["ETag"] + str(each["LastModified"])
                for page in pages
                for each in page.get("Contents", ())
            }
        except (BotoCoreError, ClientError) as failure:
            _log.warning("the landing bucket was not listed: %s", type(failure).__name__)
            return None

    def _tell(self, key: str, etag: str, stop: threading.Event) -> None:
        detail = {
            "bucket": {"name": self._bucket},
            "object": {"key": key, "etag": etag},
            "reason": "PutObject",
        }
        event = {"version": "0", "source": "aws.s3", "detail-type": "Object Created", "detail": detail}
        for number in range(TRIES):
            try:
                self._function(event)
                return
            except FunctionFailed:
                if stop.wait(number):
                    return


class Schedule:
    """Calls a function at a rate: now, and then again and again, never twice at once."""

    def __init__(self, function: Function, every_s: float) -> None:
        self._function = function
        self._every_s = every_s

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        at = time.monotonic()
        while not stop.wait(max(0.0, at - time.monotonic())):
            try:
                self._function({})
            except FunctionFailed:
                pass  # told in the log; the next one comes anyway
            at += self._every_s
