"""Which rules of the platform a running app sees broken in its own settings.

The policies of `infra/` hold what the program declares. What somebody changes by hand afterwards the app meets here: a store
reached with a key, an address without TLS, a secret that stands in a setting. This machine is not asked: an address on it is
an emulator's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from shared.domain.access.settings import TokenSettings, parse_trusted_issuers
from shared.names import SECRET_SETTINGS
from shared.settings import AWS, Settings

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_KEYS: Final = ("AccountKey=", "SharedAccessKey=", "SharedAccessSignature=")
_ADDRESSES: Final = ("AccountEndpoint", "BlobEndpoint", "DfsEndpoint", "Endpoint")


def broken_rules(settings: Settings, environment: Mapping[str, str]) -> dict[str, int]:
    """By rule, how often it is broken."""
    return {
        "transport": sum(not _is_safe(address) for address in _addresses(settings)),
        "identity": sum(1 for _ in _keys(settings)),
        "secrets": sum(1 for _ in _secrets_in_settings(settings, environment)),
    }


def _is_safe(address: str) -> bool:
    """With TLS, or on this machine."""
    parts = urlsplit(address)
    return parts.scheme in ("https", "sb", "wss") or parts.hostname in _LOOPBACK


def _addresses(settings: Settings) -> Iterator[str]:
    """Where partners and the app go, as far as an address says how."""
    named = (
        *(settings.url, settings.live_url, settings.endpoint),
        *(settings.records_endpoint, settings.lake_endpoint),
    )
    yield from filter(None, (*named, settings.jobs_databricks, settings.jobs_emr.get("endpoint", "")))
    tokens = TokenSettings(settings.issuer, settings.audience, None, "[]", settings.trusted_issuers)
    yield from (issuer.issuer for issuer in parse_trusted_issuers(tokens))
    for connection in _connections(settings):
        yield from (value for name, value in _parts(connection).items() if name in _ADDRESSES)


def _keys(settings: Settings) -> Iterator[str]:
    """The settings by which something is reached with a key instead of an identity."""
    for connection in _connections(settings):
        addresses = [value for name, value in _parts(connection).items() if name in _ADDRESSES]
        is_here = bool(addresses) and all(urlsplit(each).hostname in _LOOPBACK for each in addresses)
        if any(key in connection for key in _KEYS) and not is_here:
            yield connection
    if settings.jobs_token and urlsplit(settings.jobs_databricks).hostname not in _LOOPBACK:
        yield settings.jobs_token


def _secrets_in_settings(settings: Settings, environment: Mapping[str, str]) -> Iterator[str]:
    """On AWS a secret has a name in the settings and a value in the vault; on Azure the service itself puts it there."""
    if settings.cloud == AWS and urlsplit(settings.endpoint).hostname not in _LOOPBACK:
        yield from (each for each in SECRET_SETTINGS.values() if environment.get(each))


def _connections(settings: Settings) -> Iterator[str]:
    yield from filter(None, (settings.records, settings.lake, settings.event_hubs))


def _parts(connection: str) -> dict[str, str]:
    """A connection string's."""
    return dict(part.split("=", 1) for part in connection.split(";") if "=" in part)
