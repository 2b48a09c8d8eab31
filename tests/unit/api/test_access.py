"""Tokens and scopes at the door."""

from __future__ import annotations

import asyncio
import base64
from hashlib import sha256
from typing import Any
from urllib.parse import quote_plus

import pytest

from shared.adapters.tokens.jwt import Es256Signer
from tests.unit.api.world import ISSUER, SECRET, SIGNING_KEY, Client, World, patient

PUBLIC = ("/health", "/metrics", "/fhir/metadata", "/auth/jwks", "/fhir/.well-known/smart-configuration")


@pytest.mark.parametrize("path", PUBLIC)
def test_some_addresses_need_no_token(world: World, path: str) -> None:
    assert Client(world, None)("GET", path).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic eDp5",
        "Bearer a.b.c",
        "Bearer " + "a" * 9_000,
        "Bearer é",
    ],
)
@pytest.mark.parametrize(
    "path", ["/fhir/Patient", "/fhir/Patient/a", "/fhir/Nonsense", "/alerts", "/nowhere"]
)
def test_a_bad_token_gets_one_constant_answer(world: World, header: str | None, path: str) -> None:
    headers: Any = {} if header is None else {"Authorization": header.encode()}
    answer = Client(world, None)("GET", path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="galen"'
    assert answer.json() == Client(world, None)("GET", "/fhir/Patient").json()


@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer", "Bearer x", "Basic scraper", f"Bearer {sha256(b'scraper').hexdigest()}"],
)
@pytest.mark.parametrize("access", ["closed", sha256(b"scraper").hexdigest()])
def test_metrics_are_refused_to_whoever_is_not_the_scraper(access: str, authorization: str | None) -> None:
    world = World(metrics_access=access)
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = Client(world, None)("GET", "/metrics", headers=headers)
    assert answer.status_code == 401
    assert answer.json() == Client(world, None)("GET", "/fhir/Patient").json()
    assert Client(world, "system/*.cruds")("GET", "/metrics").status_code == 401
    assert world.refused(401, "not-the-scraper")


def test_the_scrapers_token_opens_the_metrics_and_nothing_else() -> None:
    world = World(metrics_access=sha256(b"scraper").hexdigest())
    headers = {"Authorization": "Bearer scraper"}
    assert Client(world, None)("GET", "/metrics", headers=headers).status_code == 200
    assert Client(world, None)("GET", "/fhir/Patient", headers=headers).status_code == 401


@pytest.mark.parametrize("scope", [None, "system/Patient.rs"])
def test_refuses_before_the_body_is_read(world: World, scope: str | None) -> None:
    read: list[str] = []

    async def receive() -> dict[str, Any]:
        read.append("body")
        return {"type": "http.request", "body": b"{", "more_body": False}

    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    client = Client(world, scope)
    headers = [(name.lower().encode(), value.encode()) for name, value in client.headers.items()]
    scope_ = {
        "type": "http",
        "method": "POST",
        "path": "/fhir/Patient",
        "query_string": b"",
        "headers": headers,
    }
    asyncio.run(client.app({**scope_, "scheme": "http", "server": ("x", 80)}, receive, send))
    assert sent[0]["status"] == (403 if scope else 401)
    assert read == []


ALLOWED = [
    ("system/Patient.c", "POST", "/fhir/Patient", True),
    ("system/Patient.r", "POST", "/fhir/Patient", False),
    ("system/Patient.write", "POST", "/fhir/Patient", True),
    ("system/*.read", "GET", "/fhir/Patient", True),
    ("system/Patient.r", "GET", "/fhir/Patient", False),
    ("system/Patient.s", "GET", "/fhir/Patient", True),
    ("system/Patient.s", "GET", "/fhir/Patient/a/_history", False),
    ("system/Observation.cruds", "GET", "/fhir/Patient", False),
    ("system/Patient.rs?gender=male", "GET", "/fhir/Patient", False),
    ("user/Patient.rs", "GET", "/fhir/Patient", False),
    ("system/Patient.sr", "GET", "/fhir/Patient", False),
    ("", "GET", "/fhir/Patient", False),
    ("system/RiskAssessment.rs", "GET", "/alerts", True),
    ("system/RiskAssessment.r", "GET", "/alerts", False),
    ("system/RiskAssessment.rs", "POST", "/alerts/1/acknowledge", False),
    ("system/RiskAssessment.rs", "POST", "/fhir/Patient/a/$risk", False),
    ("system/Observation.r system/RiskAssessment.r", "POST", "/fhir/Patient/a/$risk", False),
    (
        (
            "system/Patient.r system/Observation.r system/Condition.r system/Encounter.r system/MedicationRequest.r "
            "system/Procedure.r system/RiskAssessment.r"
        ),
        "POST",
        "/fhir/Patient/a/$risk",
        True,
    ),
    ("system/*.rs", "POST", "/fhir/Patient/a/$risk", True),
]


@pytest.mark.parametrize(("scope", "method", "path", "allowed"), ALLOWED)
def test_every_interaction_needs_its_scope(
    world: World, scope: str, method: str, path: str, allowed: bool
) -> None:
    client = Client(world, None)
    client.headers = {"Authorization": f"Bearer {_raw_token(world, scope)}"}
    request = {"fhir": patient()} if path == "/fhir/Patient" and method == "POST" else {}
    answer = client(method, path, **request)
    assert (answer.status_code != 403) == allowed
    if not allowed:
        assert answer.headers["www-authenticate"].endswith('error="insufficient_scope"')
        assert answer.json()["issue"][0]["code"] == "forbidden"


def _raw_token(world: World, scope: str) -> str:
    """A good token whose scope claim is the text as given."""
    now = int(world.clock.now().timestamp())
    claims = {
        "iss": ISSUER,
        "aud": "galen",
        "sub": "x",
        "tenant": "ward",
        "scope": scope,
        "iat": now,
        "exp": now + 60,
    }
    return Es256Signer(SIGNING_KEY).sign(claims)


def test_refusals_are_counted_by_reason(world: World) -> None:
    Client(world, None)("GET", "/fhir/Patient")
    Client(world, "system/Patient.r")("GET", "/fhir/Observation")
    assert world.refused(401, "no-token") == 1
    assert world.refused(403, "forbidden") == 1


def test_a_token_from_the_token_endpoint_opens_the_door(world: World) -> None:
    anyone = Client(world, None)
    form = {"grant_type": "client_credentials", "scope": "system/Patient.rs"}
    granted = anyone("POST", "/auth/token", data=form, headers={"Authorization": _basic("gateway", SECRET)})
    assert granted.status_code == 200
    assert granted.headers["cache-control"] == "no-store"
    assert granted.json()["scope"] == "system/Patient.rs"
    assert granted.json()["token_type"] == "bearer"
    anyone.headers = {"Authorization": f"bearer {granted.json()['access_token']}"}
    assert anyone("GET", "/fhir/Patient").status_code == 200


def test_the_token_endpoint_answers_errors_as_oauth_does(world: World) -> None:
    anyone = Client(world, None)
    wrong = {"grant_type": "client_credentials", "client_id": "gateway", "client_secret": "no"}
    for form, status, code in [
        (wrong, 401, "invalid_client"),
        ({**wrong, "client_id": "nobody"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, 401, "invalid_client"),
        ({**wrong, "client_secret": SECRET, "scope": "system/Patient.sr"}, 400, "invalid_scope"),
        ({**wrong, "grant_type": "password"}, 400, "unsupported_grant_type"),
        ({}, 400, "invalid_request"),
    ]:
        answer = anyone("POST", "/auth/token", data=form or {"x": "y"})
        assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert world.refused(401, "client-secret") == 2


def test_without_a_signing_key_there_is_no_token_endpoint() -> None:
    anyone = Client(World(signing_key=""), None)
    assert anyone("POST", "/auth/token", data={"grant_type": "client_credentials"}).status_code == 404
    assert anyone("GET", "/auth/jwks").status_code == 404
    assert anyone("GET", "/fhir/.well-known/smart-configuration").status_code == 404
    assert anyone("GET", "/fhir/Patient").status_code == 401


def _basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()
