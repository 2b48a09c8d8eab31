"""Client credentials: by secret, and by an assertion that works once."""

from __future__ import annotations

import base64
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shared.adapters.memory.clock import MemoryClock, SeededRandomness
from shared.adapters.memory.records import MemoryRecords
from shared.adapters.tokens.jwt import Es256Signer, JwtSignatures, JwtVerifier
from shared.domain.access.settings import TokenSettings, TrustedIssuer, parse_clients
from shared.domain.fhir import json
from shared.errors import Unavailable
from shared.ports.tokens import UsedAssertions
from shared.services.assertions import RecordedAssertions
from shared.services.tokens import ASSERTION_TYPE, TokenEndpoint, TokenRefused
from tests.unit.tokens.forge import NOW, private_key, public_jwk, sign

ME = "https://galen.example"
URL = f"{ME}/auth/token"
CLIENTS = [
    {
        "client_id": "secret",
        "tenant": "ward",
        "scopes": "system/Patient.rs",
        "secret_sha256": sha256(b"s").hexdigest(),
    },
    {
        "client_id": "key",
        "tenant": "ward",
        "scopes": "system/*.rs",
        "jwks": {"keys": [public_jwk("P-384", "P-384")]},
    },
    {
        "client_id": "rsa",
        "tenant": "ward",
        "scopes": "system/*.rs",
        "jwks": {"keys": [public_jwk("RSA", "RSA")]},
    },
]
PEM = private_key("P-256").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def endpoint(used: UsedAssertions | None = None) -> TokenEndpoint:
    settings = TokenSettings(ME, "galen", PEM, json.encode(CLIENTS))
    return TokenEndpoint(
        settings,
        parse_clients(settings.clients),
        Es256Signer(PEM),
        JwtSignatures(),
        used or RecordedAssertions(MemoryRecords()),
        MemoryClock(),
        SeededRandomness(),
    )


def assertion(client: str = "key", *, key: str = "P-384", alg: str = "ES384", **claims: Any) -> str:
    said = {"iss": client, "sub": client, "aud": URL, "jti": "1", "iat": NOW, "exp": NOW + 300, **claims}
    return sign({name: value for name, value in said.items() if value is not None}, key=key, alg=alg)


def form(text: str, **more: str) -> dict[str, str]:
    kind = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
    return {**kind, "client_assertion": text, **more}


def test_what_it_grants_is_what_the_verifier_believes() -> None:
    grant = endpoint().grant(form(assertion()), None)
    verifier = JwtVerifier([TrustedIssuer(ME, "galen", Es256Signer(PEM).keys)], MemoryClock())
    token = verifier.verify(grant.access_token)
    assert (token.client, token.tenant, grant.scope, grant.expires_in_s) == (
        "key",
        "ward",
        "system/*.rs",
        3_600,
    )


def test_takes_rsa_assertions_and_the_issuer_as_audience() -> None:
    endpoint().grant(form(assertion("rsa", key="RSA", alg="RS384", aud=ME)), None)
    endpoint().grant(form(assertion(iat=None)), None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": NOW + 301},
        {"exp": NOW + 900},
        {"exp": NOW + 900, "iat": None},
        {"exp": NOW - 31, "iat": NOW - 100},
        {"exp": None},
        {"sub": "rsa"},
        {"iss": "rsa"},
        {"iss": "nobody", "sub": "nobody"},
        {"iss": "secret", "sub": "secret"},
        {"aud": "https://evil.example/auth/token"},
        {"aud": f"{URL}/"},
        {"jti": None},
        {"jti": 7},
        {"jti": "x" * 300},
    ],
)
def test_refuses_an_assertion_that_does_not_hold(wrong: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused) as refused:
        endpoint().grant(form(assertion(**wrong)), None)
    assert refused.value.code == "invalid_client"


@pytest.mark.parametrize(
    "changed",
    [
        {"client_assertion": "x"},
        {"client_assertion_type": "jwt"},
        {"client_id": "rsa"},
        {"client_secret": "s"},
        {"client_assertion": assertion(key="P-256", alg="ES256")},
        {"client_assertion": assertion("key", key="RSA", alg="RS384")},
    ],
)
def test_refuses_a_form_that_does_not_fit(changed: dict[str, str]) -> None:
    with pytest.raises(TokenRefused):
        endpoint().grant({**form(assertion()), **changed}, None)


def test_of_64_uses_of_one_assertion_at_once_one_wins() -> None:
    issuing, text = endpoint(), form(assertion())

    def attempt(_: int) -> str:
        try:
            issuing.grant(text, None)
        except TokenRefused as refused:
            return refused.reason
        return "granted"

    with ThreadPoolExecutor(16) as threads:
        results = Counter(threads.map(attempt, range(64)))
    assert results == {"granted": 1, "assertion-replayed": 63}


def test_an_assertion_whose_use_is_not_known_is_not_honoured() -> None:
    class Lost:
        def first_use(self, client_id: str, tenant: str, jti: str, expires_at_s: int) -> bool:
            raise Unavailable

    with pytest.raises(Unavailable):
        endpoint(Lost()).grant(form(assertion()), None)


def test_a_secret_grants_the_scopes_a_client_is_registered_for() -> None:
    mine = {"grant_type": "client_credentials", "client_id": "secret", "client_secret": "s"}
    assert endpoint().grant(mine, None).scope == "system/Patient.rs"
    assert (
        endpoint().grant({**mine, "scope": "system/Patient.r system/Observation.r"}, None).scope
        == "system/Patient.r"
    )
    for scope in ("system/Observation.r", "system/*.rs", "system/Patient.rd", "system/Patient.sr", "openid"):
        with pytest.raises(TokenRefused) as refused:
            endpoint().grant({**mine, "scope": scope}, None)
        assert refused.value.code == "invalid_scope"


@pytest.mark.parametrize(
    "authorization",
    ["Basic", "Basic !!!", "Basic \u00e9", "Basic bm9jb2xvbg==", "Bearer x", "Basic c2VjcmV0Ong="],
)
def test_refuses_http_basic_that_does_not_hold(authorization: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        endpoint().grant({"grant_type": "client_credentials"}, authorization)
    assert refused.value.code == "invalid_client"


def test_a_client_is_one_in_the_header_and_in_the_form() -> None:
    basic = f"Basic {base64.b64encode(b'secret:s').decode()}"
    mine = {"grant_type": "client_credentials", "client_id": "secret"}
    assert endpoint().grant(mine, basic).scope == "system/Patient.rs"
    with pytest.raises(TokenRefused) as refused:
        endpoint().grant({**mine, "client_id": "another"}, basic)
    assert refused.value.code == "invalid_client"


def test_a_scope_asked_for_many_times_is_granted_once() -> None:
    mine = {"grant_type": "client_credentials", "client_id": "secret", "client_secret": "s"}
    assert endpoint().grant({**mine, "scope": "system/Patient.r " * 3_000}, None).scope == "system/Patient.r"


def test_publishes_public_keys_only() -> None:
    (key,) = endpoint().key_set()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
