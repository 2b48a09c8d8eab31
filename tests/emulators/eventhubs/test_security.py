"""Shared access signatures and SASL PLAIN."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from azure.eventhub._client_base import EventHubSharedKeyCredential

from local.emulators.eventhubs.security import EVERYTHING, Grant, Grants, Policy, RefusedError

POLICY = Policy("Root-Policy", "k3y/+=")
NOW_S = 1_750_000_000
FOREVER = 4_000_000_000


def token(resource: str = "sb://127.0.0.1:5672/Hub", name: str = "Root-Policy", key: str = "k3y/+=") -> str:
    return str(EventHubSharedKeyCredential(name, key).get_token(resource).token)


def test_grants_the_path_of_a_valid_token() -> None:
    grant = POLICY.verify(token(), NOW_S)
    assert grant.path == "hub"
    assert grant.covers("hub", NOW_S)
    assert grant.covers("hub/consumergroups/g/partitions/0", NOW_S)
    assert not grant.covers("hub2", NOW_S)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (token(key="other"), "InvalidSignature"),
        (token(name="other"), "InvalidSignature"),
        (token().replace("Hub", "Other"), "InvalidSignature"),
        ("Bearer x", "InvalidToken"),
        ("SharedAccessSignature sr=x&sig=y", "MalformedToken: .* se, skn"),
    ],
)
def test_refuses_what_is_not_signed_by_the_policys_key(bad: str, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        POLICY.verify(bad, NOW_S)


def test_refuses_an_expired_token() -> None:
    with pytest.raises(RefusedError, match="ExpiredToken"):
        POLICY.verify(token(), FOREVER)


def test_a_grant_ends_with_its_token() -> None:
    grants = Grants()
    grants.add(Grant("hub", NOW_S + 10))
    assert grants.cover("sb://host/HUB/", NOW_S)
    assert not grants.cover("hub", NOW_S + 10)


def test_plain_needs_the_policys_name_and_key() -> None:
    assert POLICY.accepts_plain(b"\0Root-Policy\0k3y/+=")
    assert not POLICY.accepts_plain(b"\0Root-Policy\0other")
    assert not POLICY.accepts_plain(b"Root-Policy")
    assert EVERYTHING.covers(quote("any"), NOW_S)
