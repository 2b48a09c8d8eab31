"""A bucket of S3 as a lake.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html: a PUT with If-None-Match is whole and
conditional, which is what landing rests on. There are no folders: a path is a key, and nothing is renamed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from botocore.exceptions import ClientError

from shared.adapters.aws.errors import status_of, translated
from shared.domain.fhir.dates import instant_text
from shared.errors import AlreadyExists, Busy, Conflict, NotFound, PreconditionFailed, Unavailable
from shared.ports.lake import LakeFile

CHUNK_BYTES: Final = 4 << 20
LOOKS_AT_ONCE: Final = 16
LOOK_AHEAD: Final = 64
_CONFLICTS: Final = 6
_PAUSE_S: Final = 0.05
_BROKEN_READS: Final = 3
_RANGE_NOT_SATISFIABLE: Final = 416


class S3Lake:
    """One bucket. `client` is boto3's for `s3`."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._looks = ThreadPoolExecutor(LOOKS_AT_ONCE, thread_name_prefix="s3-look")

    def put_if_absent(self, path: str, data: bytes, *, metadata: Mapping[str, str] | None = None) -> bool:
        for number in range(_CONFLICTS):
            try:
                self._put(path, data, metadata, IfNoneMatch="*")
            except PreconditionFailed:
                return False
            except (
                AlreadyExists
            ):  # another PUT of this key is under way: whether it will be there is not decided
                time.sleep(_PAUSE_S * number)
                continue
            return True
        raise Busy

    def put(self, path: str, data: bytes, *, metadata: Mapping[str, str] | None = None) -> None:
        self._put(path, data, metadata)

    def _put(self, path: str, data: bytes, metadata: Mapping[str, str] | None, **condition: str) -> None:
        with translated():
            self._client.put_object(
                Bucket=self._bucket, Key=path, Body=data, Metadata=dict(metadata or {}), **condition
            )

    def look(self, path: str) -> LakeFile | None:
        try:
            with translated():
                found = self._client.head_object(Bucket=self._bucket, Key=path)
        except NotFound:
            return None
        modified_at = instant_text(found["LastModified"])
        return LakeFile(path, int(found["ContentLength"]), found["ETag"], modified_at, found["Metadata"])

    def read(self, path: str) -> bytes:
        return b"".join(self.stream(path))

    def stream(self, path: str, *, etag: str | None = None, offset: int = 0) -> Iterator[bytes]:
        position, broken = offset, 0
        while True:
            try:
                for chunk, version in self._chunks(path, etag, position):
                    position, etag = position + len(chunk), version
                    yield chunk
            except PreconditionFailed:
                raise Conflict("The file has changed.") from None
            except Unavailable:
                broken += 1
                if etag is None or broken > _BROKEN_READS:
                    raise
                continue  # where it broke off, of the same version
            return

    def _chunks(self, path: str, etag: str | None, offset: int) -> Iterator[tuple[bytes, str]]:
        """The chunks from `offset`, each with the version it is of."""
        how = {"IfMatch": etag} if etag else {}
        if offset:
            how["Range"] = f"bytes={offset}-"
        with translated():
            try:
                found = self._client.get_object(Bucket=self._bucket, Key=path, **how)
            except ClientError as failure:
                if status_of(failure) == _RANGE_NOT_SATISFIABLE:
                    return  # nothing lies behind the end
                raise
            body = found["Body"]
            try:
                while chunk := body.read(CHUNK_BYTES):
                    yield chunk, found["ETag"]
            finally:
                body.close()

    def list(self, prefix: str, *, after: str = "") -> Iterator[LakeFile]:
        folder = prefix.rstrip("/") + "/" if prefix else ""
        how: dict[str, str] = {"StartAfter": after} if after else {}
        while True:
            with translated():
                page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=folder, **how)
            found = page.get("Contents", [])
            looks = _Looks([each["Key"] for each in found], self._look_soon)
            for number, each in enumerate(found):
                modified_at = instant_text(each["LastModified"])
                metadata = _Metadata(looks, number)
                yield LakeFile(each["Key"], int(each["Size"]), each["ETag"], modified_at, metadata)
            if not page.get("IsTruncated"):
                return
            how = {"ContinuationToken": page["NextContinuationToken"]}

    def _look_soon(self, path: str) -> Future[LakeFile | None]:
        return self._looks.submit(self.look, path)

    def delete(self, path: str) -> None:
        with translated():
            self._client.delete_object(Bucket=self._bucket, Key=path)


class _Looks:
    """The files of one page of a listing, looked at as soon as the metadata of one of them is asked for, some ahead."""

    def __init__(self, paths: list[str], look: Callable[[str], Future[LakeFile | None]]) -> None:
        self._paths = paths
        self._look = look
        self._started: dict[int, Future[LakeFile | None]] = {}
        self._lock = threading.Lock()

    def metadata(self, number: int) -> Mapping[str, str]:
        """Of the file at a place in the page; nothing where it has been deleted since."""
        with self._lock:
            if number not in self._started:
                for each in range(number, min(number + LOOK_AHEAD, len(self._paths))):
                    if each not in self._started:
                        self._started[each] = self._look(self._paths[each])
            started = self._started[number]
        found = started.result()
        return found.metadata if found else {}


class _Metadata(Mapping[str, str]):
    """What a file says of itself, fetched when it is asked for: S3 lists names and sizes, and no metadata."""

    def __init__(self, looks: _Looks, number: int) -> None:
        self._looks = looks
        self._number = number

    def __getitem__(self, name: str) -> str:
        return self._looks.metadata(self._number)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._looks.metadata(self._number))

    def __len__(self) -> int:
        return len(self._looks.metadata(self._number))
