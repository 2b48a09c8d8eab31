"""Who may ask: Shared Key and Shared Key Lite signatures; shared access signatures are in `sas`.

https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
"""

from __future__ import annotations

import base64
import binascii
import email.utils
import hmac
from collections.abc import Iterable
from functools import lru_cache

from local.emulators import clock
from local.emulators.datalake.errors import StorageError
from local.emulators.datalake.request import Request

WELL_KNOWN_ACCOUNT = "devstoreaccount1"
# Published by Microsoft for storage emulators; a secret to nobody.
WELL_KNOWN_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

_CLOCK_SKEW_S = 15 * 60
_SIGNED = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)
_SIGNED_LITE = ("content-md5", "content-type", "date")
# The service sorts header names by a linguistic order: hyphens do not count, signs come before digits.
_LINGUISTIC = str.maketrans(
    {**{sign: chr(1 + rank) for rank, sign in enumerate("!#$%&*.^_`|~+")}, "-": None, "'": None}
)
# Names that are the same so far: the one without a sign at the first place that differs comes first.
_TIE = str.maketrans({chr(code): "\0" for code in range(32, 127)} | {"'": "\1", "-": "\2"})


class SharedKey:
    """Checks signatures made with one account's key."""

    def __init__(self, account: str, key: str) -> None:
        self.account = account
        try:
            self._key = base64.b64decode(key, validate=True)
        except binascii.Error as error:
            raise SystemExit("--key must be base64.") from error

    def sign(self, text: str) -> str:
        return base64.b64encode(hmac.digest(self._key, text.encode("utf-8"), "sha256")).decode("ascii")

    def is_signature(self, text: str, signature: str) -> bool:
        return hmac.compare_digest(self.sign(text).encode(), signature.encode("utf-8"))

    def check(self, request: Request, authorization: str) -> None:
        """Raise AuthenticationFailed unless the header is this account's signature of this request."""
        scheme, _, credential = authorization.partition(" ")
        account, _, signature = credential.strip().partition(":")
        if account != self.account or scheme not in ("SharedKey", "SharedKeyLite"):
            raise StorageError("AuthenticationFailed")
        _check_date(request)
        text = full_text if scheme == "SharedKey" else lite_text
        # Microsoft's Python client sorts header names as the service does, others by code point.
        for order in (linguistic_order, sorted):
            if self.is_signature(text(self.account, request, order(_x_ms(request))), signature):
                return
        raise StorageError("AuthenticationFailed", "The signature is not the account key's for this request.")


def full_text(account: str, request: Request, x_ms: Iterable[str]) -> str:
    """What Shared Key signs for the blob and dfs services."""
    values = [request.headers.get(name, "") for name in _SIGNED]
    if values[2] == "0":
        values[2] = ""
    if "x-ms-date" in request.headers:
        values[5] = ""
    query: dict[str, list[str]] = {}
    for name, value in request.query.items():
        query.setdefault(name.lower(), []).append(value)
    resource = f"/{account}{request.raw_path}"
    resource += "".join(f"\n{name}:{','.join(sorted(query[name]))}" for name in sorted(query))
    return "\n".join([request.method, *values, *_lines(request, x_ms), resource])


def lite_text(account: str, request: Request, x_ms: Iterable[str]) -> str:
    """What Shared Key Lite signs: fewer headers, and of the query only `comp`."""
    values = [request.headers.get(name, "") for name in _SIGNED_LITE]
    if "x-ms-date" in request.headers:
        values[2] = ""
    resource = f"/{account}{request.raw_path}"
    if "comp" in request.query:
        resource += f"?comp={request.query['comp']}"
    return "\n".join([request.method, *values, *_lines(request, x_ms), resource])


def linguistic_order(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (name.translate(_LINGUISTIC), name.translate(_TIE)))


def _lines(request: Request, x_ms: Iterable[str]) -> list[str]:
    return [f"{name}:{request.headers[name]}" for name in x_ms]


def _x_ms(request: Request) -> list[str]:
    return [name for name in request.headers if name.startswith("x-ms-")]


def _check_date(request: Request) -> None:
    try:
        sent_at = _instant(request.headers.get("x-ms-date") or request.headers.get("date") or "")
    except ValueError:
        raise StorageError("AuthenticationFailed", "The date header is missing or not a date.") from None
    if abs(clock.now() - sent_at) > _CLOCK_SKEW_S:
        raise StorageError("AuthenticationFailed", "The request's date is more than 15 minutes off.")


@lru_cache(maxsize=256)
def _instant(date: str) -> float:
    return email.utils.parsedate_to_datetime(date).timestamp()
