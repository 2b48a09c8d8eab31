"""Access tokens: the good ones pass, and every known way to forge one does not."""

from __future__ import annotations

from typing import Any

import pytest

from shared.adapters.memory.clock import MemoryClock
from shared.adapters.tokens.jwt import Es256Signer, JwtVerifier
from shared.domain.access.settings import TrustedIssuer
from shared.domain.fhir import json
from shared.errors import Unauthenticated
from tests.unit.tokens.forge import (
    CLAIMS,
    NOW,
    compact,
    encoded,
    hmac_token,
    key_set,
    private_key,
    public_jwk,
    sign,
)

HEADER = {"alg": "ES256", "kid": "P-256", "typ": "JWT"}


def verifier(*jwks: dict[str, Any], clock: MemoryClock | None = None, **issuer: Any) -> JwtVerifier:
    keys = key_set(
        *(jwks or (public_jwk("P-256", "P-256"), public_jwk("P-384", "P-384"), public_jwk("RSA", "RSA")))
    )
    trusted = TrustedIssuer(**{"issuer": "https://idp.example", "audience": "galen", "keys": keys, **issuer})
    return JwtVerifier([trusted], clock or MemoryClock())


@pytest.mark.parametrize(
    ("key", "alg"), [("P-256", "ES256"), ("P-384", "ES384"), ("RSA", "RS256"), ("RSA", "RS384")]
)
def test_believes_a_good_token(key: str, alg: str) -> None:
    token = verifier().verify(sign(CLAIMS, key=key, alg=alg))
    assert (token.client, token.tenant, str(token.scopes[0])) == ("gateway", "ward", "system/*.rs")


def test_believes_an_audience_among_several_and_a_type_of_access_tokens() -> None:
    verifier().verify(sign({**CLAIMS, "aud": ["other", "galen"]}, typ="at+jwt"))


def changed(**claims: Any) -> str:
    return sign({name: value for name, value in {**CLAIMS, **claims}.items() if value is not None})


def in_text(name: str, text: str) -> str:
    """A well-signed token in which one claim is the JSON text given."""
    rest = json.encode({key: value for key, value in CLAIMS.items() if key != name})
    return compact(HEADER, f'{rest[:-1]},"{name}":{text}}}')


def with_header(**header: Any) -> str:
    return compact({**HEADER, **header}, CLAIMS)


GOOD = sign(CLAIMS)
HEAD, BODY, SIGNATURE = GOOD.split(".")
PUBLIC_PEM = str(public_jwk("P-256", "P-256")).encode()

FORGED: dict[str, str] = {
    "empty": "",
    "two parts": f"{HEAD}.{BODY}",
    "four parts": f"{GOOD}.x",
    "five parts, as a JWE": f"{HEAD}.{BODY}.{SIGNATURE}.x.y",
    "no signature": f"{HEAD}.{BODY}.",
    "another signature": f"{HEAD}.{BODY}.{'A' * 86}",
    "a short signature": f"{HEAD}.{BODY}.{SIGNATURE[:40]}",
    "padding": f"{GOOD}==",
    "padding within": f"{HEAD}=.{BODY}.{SIGNATURE}",
    "junk characters": f"{HEAD}.{BODY}!.{SIGNATURE}",
    "a line end": f"{GOOD}\n",
    "standard base64": f"{HEAD}.{BODY}+/.{SIGNATURE}",
    "stray bits": f"{HEAD}.{BODY}.{SIGNATURE[:-1]}" + chr(ord(SIGNATURE[-1]) + 1),
    "another body": f"{HEAD}.{encoded({**CLAIMS, 'tenant': 'elsewhere'})}.{SIGNATURE}",
    "1 MB": "a" * 1_000_000,
    "none": f"{encoded({**HEADER, 'alg': 'none'})}.{BODY}.",
    "None": f"{encoded({**HEADER, 'alg': 'NoNe'})}.{BODY}.{SIGNATURE}",
    "HS256 with the public key": hmac_token({**HEADER, "alg": "HS256"}, CLAIMS, PUBLIC_PEM),
    "another algorithm than the key's": with_header(alg="ES384"),
    "RS256 named on an EC key": with_header(alg="RS256"),
    "an algorithm in lower case": with_header(alg="es256"),
    "a list of algorithms": with_header(alg=["ES256"]),
    "an embedded key": with_header(jwk=public_jwk("other", "P-256")),
    "an embedded chain": with_header(x5c=["AA"]),
    "a chain elsewhere": with_header(x5u="https://evil.example"),
    "a key set elsewhere": with_header(jku="https://evil.example"),
    "a critical extension": with_header(crit=["exp"]),
    "an unencoded payload": with_header(b64=False),
    "compression": with_header(zip="DEF"),
    "a nested token": with_header(cty="JWT"),
    "another type": with_header(typ="JOSE"),
    "a type that is a number": with_header(typ=7),
    "a kid that is a path": with_header(kid="../../dev/null"),
    "a kid of SQL": with_header(kid="x' OR '1'='1"),
    "a kid of null": with_header(kid=None),
    "a kid in a list": with_header(kid=["P-256"]),
    "an unknown kid": with_header(kid="other"),
    "an endless kid": with_header(kid="k" * 5_000),
    "no kid": sign(CLAIMS, kid=None),
    "a foreign key of that kid": compact(HEADER, CLAIMS, key="other"),
    "a header twice": compact('{"alg":"ES256","kid":"P-256","alg":"ES256"}', CLAIMS),
    "a header that is a list": compact("[]", CLAIMS),
    "claims that are a list": compact(HEADER, "[]"),
    "claims that are no JSON": compact(HEADER, "{"),
    "a claim twice": compact(HEADER, json.encode(CLAIMS)[:-1] + ',"tenant":"elsewhere"}'),
    "no exp": changed(exp=None),
    "exp past": changed(exp=NOW - 31, iat=NOW - 600),
    "exp as text": changed(exp=str(NOW + 60)),
    "exp NaN": in_text("exp", "NaN"),
    "exp infinite": in_text("exp", "Infinity"),
    "exp 1e400": in_text("exp", "1e400"),
    "exp as a decimal": in_text("exp", f"{NOW + 60}.5"),
    "exp true": in_text("exp", "true"),
    "exp negative": changed(exp=-1),
    "exp far": changed(exp=NOW + 86_400),
    "exp astronomic": changed(exp=10**30),
    "exp before iat": changed(exp=NOW - 5, iat=NOW),
    "no iat": changed(iat=None),
    "iat in the future": changed(iat=NOW + 60),
    "iat null": in_text("iat", "null"),
    "nbf in the future": changed(nbf=NOW + 60),
    "nbf as text": changed(nbf="0"),
    "no iss": changed(iss=None),
    "another iss": changed(iss="https://evil.example"),
    "iss longer": changed(iss="https://idp.example.evil.example"),
    "iss in a list": in_text("iss", '["https://idp.example"]'),
    "no aud": changed(aud=None),
    "another aud": changed(aud="other"),
    "aud a prefix": changed(aud="gale"),
    "aud longer": changed(aud="galen2"),
    "aud an empty list": changed(aud=[]),
    "aud with a number": in_text("aud", '["galen",7]'),
    "no sub": changed(sub=None),
    "sub empty": changed(sub=""),
    "sub a number": in_text("sub", "7"),
    "sub with a space": changed(sub="a b"),
    "no tenant": changed(tenant=None),
    "tenant a path": changed(tenant="../ward"),
    "tenant in capitals": changed(tenant="WARD"),
    "tenant a list": in_text("tenant", '["ward"]'),
    "no scope": changed(scope=None),
    "scope a list": in_text("scope", '["system/*.rs"]'),
}


@pytest.mark.parametrize("name", FORGED)
def test_refuses_a_forged_token(name: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        verifier().verify(FORGED[name])
    assert refused.value.text == Unauthenticated("x").text


def test_several_keys_of_one_kid_are_as_bad_as_none() -> None:
    with pytest.raises(Unauthenticated):
        verifier(public_jwk("P-256", "P-256"), public_jwk("other", "P-256")).verify(GOOD)


def test_one_kid_on_keys_of_different_types_is_told_apart_by_type() -> None:
    verifier(public_jwk("P-256", "P-256"), public_jwk("RSA", "P-256")).verify(GOOD)


def test_a_key_declared_for_another_algorithm_does_not_verify() -> None:
    with pytest.raises(Unauthenticated):
        verifier(public_jwk("RSA", "RSA", alg="RS384")).verify(sign(CLAIMS, key="RSA", alg="RS256"))


def test_an_issuer_speaks_for_its_own_tenants_only() -> None:
    assert verifier(tenants=("ward",)).verify(GOOD).tenant == "ward"
    with pytest.raises(Unauthenticated):
        verifier(tenants=("elsewhere",)).verify(GOOD)


def test_an_issuer_cannot_sign_as_another() -> None:
    mine = TrustedIssuer("https://idp.example", "galen", key_set(public_jwk("P-256", "P-256")))
    theirs = TrustedIssuer("https://other.example", "galen", key_set(public_jwk("other", "other")))
    both = JwtVerifier([mine, theirs], MemoryClock())
    with pytest.raises(Unauthenticated):
        both.verify(sign(CLAIMS, key="other"))
    both.verify(sign({**CLAIMS, "iss": "https://other.example"}, key="other"))


def test_the_tenant_may_stand_in_another_claim() -> None:
    assert verifier(tenant_claim="org").verify(changed(org="clinic")).tenant == "clinic"


def test_a_remembered_token_expires_all_the_same() -> None:
    clock = MemoryClock()
    checker = verifier(clock=clock)
    first = checker.verify(GOOD)
    clock.advance(3_600)
    assert checker.verify(GOOD) is first
    clock.advance(30)
    with pytest.raises(Unauthenticated):
        checker.verify(GOOD)


def test_remembers_a_bounded_number_of_tokens() -> None:
    checker = JwtVerifier(
        [TrustedIssuer("https://idp.example", "galen", key_set(public_jwk("P-256", "P-256")))],
        MemoryClock(),
        cached_tokens=2,
    )
    tokens = [changed(jti=str(number)) for number in range(3)]
    first = [checker.verify(token) for token in tokens]
    assert checker.verify(tokens[2]) is first[2]
    assert checker.verify(tokens[0]) is not first[0]


def test_signs_with_an_ec_key_only() -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = private_key("RSA").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(ValueError, match="P-256"):
        Es256Signer(pem)
