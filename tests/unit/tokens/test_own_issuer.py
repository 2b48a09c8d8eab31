"""The app goes by its own key alone where tokens name its own issuer, whatever the list of trusted issuers says of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shared.adapters.tokens.jwt import Es256Signer
from shared.bootstrap import Services
from shared.errors import Unauthenticated
from tests.unit.api.world import ISSUER, SIGNING_KEY, World


def _token(signer: Es256Signer, world: World) -> str:
    now = int(world.clock.now().timestamp())
    claims = {"iss": ISSUER, "aud": "galen", "sub": "x", "tenant": "ward", "scope": "system/*.rs"}
    return signer.sign({**claims, "iat": now, "exp": now + 60})


def test_the_own_key_alone_decides_on_tokens_of_the_own_issuer() -> None:
    world, own = World(), Es256Signer(SIGNING_KEY)
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    before = Es256Signer(pem.decode())
    jwks = {"keys": [key.jwk for signer in (own, before) for key in signer.keys]}
    listed = json.dumps([{"issuer": ISSUER, "jwks": jwks, "tenants": ["*"]}])
    app = Services(replace(world.settings, trusted_issuers=listed), world.adapters)
    assert app.token_verifier.verify(_token(own, world)).tenant == "ward"
    with pytest.raises(Unauthenticated):
        app.token_verifier.verify(_token(before, world))
    container = Services(replace(app.settings, token_signing_key=""), world.adapters)
    assert container.token_verifier.verify(_token(own, world)).tenant == "ward"
