"""AWS Signature Version 4 of a request. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

from shared.errors import Fault

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key; those of a role have a session token."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


def of_environment(environment: Mapping[str, str]) -> Credentials:
    """Those that AWS puts into the environment of a function. Raises Fault where there are none."""
    key, secret = environment.get("AWS_ACCESS_KEY_ID", ""), environment.get("AWS_SECRET_ACCESS_KEY", "")
    if not key or not secret:
        raise Fault(
            "Jobs on EMR Serverless need AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment."
        )
    return Credentials(key, secret, environment.get("AWS_SESSION_TOKEN", ""))


def signed_headers(
    method: str, url: str, body: bytes, at: datetime, credentials: Credentials, region: str, service: str
) -> dict[str, str]:
    """The headers that sign the request; `at` is in UTC."""
    address = urlsplit(url)
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": address.netloc, "x-amz-date": stamp}
    if credentials.session_token:
        headers["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        [
            method,
            quote(address.path or "/", safe="/-_.~"),
            _query(address),
            *(f"{name}:{headers[name]}" for name in sorted(headers)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = "\n".join([_ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    authorization = f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "Authorization": authorization}


def _query(address: SplitResult) -> str:
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(address.query, True)
    )
    return "&".join(f"{name}={value}" for name, value in pairs)
