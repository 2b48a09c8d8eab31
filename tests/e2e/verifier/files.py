"""The files of the raw zone: of a folder, or of a bucket that is asked over HTTP (S3's ListObjectsV2 and GetObject)."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree

File = tuple[PurePosixPath, Callable[[], bytes]]
"""Where below raw/ it is, and what reads it."""
RAW, ENDING = "raw", ".ndjson.gz"
# Emulators look for the region in here, and do not check the rest.
SIGNED = "AWS4-HMAC-SHA256 Credential=verifier/20260101/eu-central-1/s3/aws4_request, SignedHeaders=host, Signature=0"
XML = "{http://s3.amazonaws.com/doc/2006-03-01/}"


def raw_files(lake: str) -> list[File]:
    """Every file of lines, in order of its path. Raises OSError where a bucket does not answer."""
    found = _of_a_bucket(lake) if lake.startswith("http") else _of_a_folder(Path(lake) / "galen" / RAW)
    return sorted(found, key=lambda file: file[0])


def _of_a_folder(raw: Path) -> Iterator[File]:
    for path in raw.rglob(f"*{ENDING}"):
        yield PurePosixPath(path.relative_to(raw)), path.read_bytes


def _of_a_bucket(address: str) -> Iterator[File]:
    token: str | None = ""
    while token is not None:
        asked = {"list-type": "2", "prefix": f"{RAW}/", **({"continuation-token": token} if token else {})}
        page = ElementTree.fromstring(_get(f"{address}?{urlencode(asked)}"))
        for named in page.iter(f"{XML}Key"):
            key = named.text or ""
            if key.endswith(ENDING):
                yield PurePosixPath(key).relative_to(RAW), lambda key=key: _get(f"{address}/{quote(key)}")  # type: ignore[misc]
        token = page.findtext(f"{XML}NextContinuationToken")


def _get(url: str) -> bytes:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=60)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}", headers={"Authorization": SIGNED})
        response = connection.getresponse()
        body = response.read()
    except http.client.HTTPException as failure:
        raise OSError from failure
    finally:
        connection.close()
    if response.status != 200:
        raise OSError(f"the lake answered with {response.status}")
    return body
