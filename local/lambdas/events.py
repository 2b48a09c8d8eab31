"""What EventBridge sends: dropped files as they appear in the bucket, and schedules."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from local.lambdas.function import Function, FunctionFailed

LOOK_S: Final = 0.5
TRIES: Final = 3
"""As often is a function called that is told and not asked."""
_log: Final = logging.getLogger("galen.lambda")


class DroppedFiles:
    """Tells of each object made in a bucket from the first start on; what was there before the sweeper finds.

    EventBridge keeps what it has to tell while the function is down. So does this: what was told is written to a file,
    and what a process that was killed has not told, the next one tells.
    """

    def __init__(self, client: Any, bucket: str, function: Function, told: Path) -> None:
        self._client = client
        self._bucket = bucket
        self._function = function
        self._file = told

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        told = self._told()
        while True:
            found = self._objects()
            if told is None and found is not None:
                told = {_name(key, etag) for key, etag in found.items()}
                self._note(*told)
            for key, etag in sorted((found or {}).items()):
                name = _name(key, etag)
                if told is not None and name not in told and self._tell(key, etag, stop):
                    told.add(name)
                    self._note(name)
            if stop.wait(LOOK_S):
                return

    def _told(self) -> set[str] | None:
        """None on the very first start."""
        return set(self._file.read_text("utf-8").split()) if self._file.exists() else None

    def _note(self, *names: str) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write("".join(f"{name}\n" for name in names))

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

    def _tell(self, key: str, etag: str, stop: threading.Event) -> bool:
        """Whether it was told, by however many failures, before this has to stop."""
        detail = {
            "bucket": {"name": self._bucket},
            "object": {"key": key, "etag": etag},
            "reason": "PutObject",
        }
        event = {"version": "0", "source": "aws.s3", "detail-type": "Object Created", "detail": detail}
        for number in range(TRIES):
            try:
                self._function(event)
                return True
            except FunctionFailed:
                if stop.wait(number):
                    return False
        return True


def _name(key: str, etag: str) -> str:
    """One version of an object."""
    return hashlib.sha256(f"{etag} {key}".encode()).hexdigest()


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
