"""Clients, issuers and key sets as settings give them."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.access.keys import parse_key_set
from shared.domain.access.settings import TokenSettings, parse_clients, parse_trusted_issuers, secret_matches
from shared.domain.fhir import json

SECRET = "b" * 64
CLIENT = {"client_id": "a", "tenant": "t", "scopes": ["system/*.rs"], "secret_sha256": SECRET}
EC_KEY = {"kty": "EC", "crv": "P-256", "kid": "k", "x": "AA", "y": "AA"}


def test_reads_clients() -> None:
    found = parse_clients(
        json.encode([CLIENT, {**CLIENT, "client_id": "b", "scopes": "system/Patient.r system/*.s"}])
    )
    assert [str(scope) for scope in found["b"].scopes] == ["system/Patient.r", "system/*.s"]
    assert parse_clients("") == {}


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "a b"},
        {"client_id": None},
        {"tenant": "T"},
        {"tenant": "../x"},
        {"scopes": []},
        {"scopes": "system/Patient.sr"},
        {"secret_sha256": "short"},
        {"secret_sha256": ""},
        {"secret_sha256": "", "jwks": {"keys": []}},
        {"jwks": {}},
    ],
)
def test_names_the_entry_that_is_wrong_and_shows_no_value(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^clients\[1\]") as wrong:
        parse_clients(json.encode([{**CLIENT, "client_id": "first"}, {**CLIENT, **change}]))
    assert SECRET not in str(wrong.value)


@pytest.mark.parametrize("text", ["{", "{}", "[1]", '[{"a":1,"a":2}]'])
def test_refuses_settings_that_are_no_list(text: str) -> None:
    with pytest.raises(ValueError, match="clients"):
        parse_clients(text)


def test_refuses_one_client_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        parse_clients(json.encode([CLIENT, CLIENT]))


def test_no_secret_matches_an_unknown_client_or_one_without_a_secret() -> None:
    by_key = parse_clients(json.encode([{**CLIENT, "secret_sha256": "", "jwks": {"keys": [EC_KEY]}}]))["a"]
    assert not secret_matches(None, "")
    assert not secret_matches(by_key, "")


@pytest.mark.parametrize(
    "jwk",
    [
        {**EC_KEY, "d": "AA"},
        {"kty": "oct", "k": "AA", "kid": "k"},
        {"kty": "RSA", "kid": "k", "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA", "kid": "k", "n": "w" * 341, "e": "AQAB", "d": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        "key",
    ],
)
def test_refuses_keys_that_no_key_set_may_hold(jwk: Any) -> None:
    with pytest.raises(ValueError, match="key"):
        parse_key_set({"keys": [jwk]})


@pytest.mark.parametrize(
    "change", [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"crv": "P-521"}, {"alg": "ES384"}, {"kty": "OKP"}]
)
def test_leaves_out_keys_for_other_uses(change: dict[str, Any]) -> None:
    assert parse_key_set({"keys": [{**EC_KEY, **change}]}) == ()


def test_reads_trusted_issuers() -> None:
    entry = {"issuer": "https://idp", "jwks": {"keys": [EC_KEY]}, "tenants": ["ward"], "tenant_claim": "org"}
    settings = TokenSettings("https://me", "galen", trusted_issuers=json.encode([entry]))
    (issuer,) = parse_trusted_issuers(settings)
    assert (issuer.audience, issuer.tenant_claim, issuer.tenants) == ("galen", "org", ("ward",))
    (any_tenant,) = parse_trusted_issuers(
        TokenSettings("i", "a", trusted_issuers=json.encode([{**entry, "tenants": ["*"]}]))
    )
    assert any_tenant.tenants == ()
    wrong: tuple[Any, ...] = (None, [], "ward", ["A"], ["*", "ward"], [7], {})
    changes: list[dict[str, Any]] = [{"jwks": None}, {"issuer": 7}, *({"tenants": each} for each in wrong)]
    for change in changes:
        with pytest.raises(ValueError, match=r"^trusted_issuers\[0\]"):
            parse_trusted_issuers(TokenSettings("i", "a", trusted_issuers=json.encode([{**entry, **change}])))
    del entry["tenants"]
    with pytest.raises(ValueError, match=r'^trusted_issuers\[0\]\.tenants: .*\["\*"\] for any'):
        parse_trusted_issuers(TokenSettings("i", "a", trusted_issuers=json.encode([entry])))


def test_settings_never_show_their_secrets() -> None:
    assert "PRIVATE" not in repr(TokenSettings("i", "a", "PRIVATE", '[{"PRIVATE":1}]', "PRIVATE"))
