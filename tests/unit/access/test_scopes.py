"""SMART scopes."""

from __future__ import annotations

import pytest

from shared.domain.access.caller import ANONYMOUS, Caller
from shared.domain.access.scopes import Scope, parse_scope, parse_scopes
from shared.errors import Forbidden


@pytest.mark.parametrize(
    ("text", "permissions"),
    [
        ("system/Observation.rs", "rs"),
        ("system/*.cruds", "cruds"),
        ("system/Patient.c", "c"),
        ("system/Patient.read", "rs"),
        ("system/Patient.write", "cud"),
        ("system/*.*", "cruds"),
    ],
)
def test_reads_both_versions(text: str, permissions: str) -> None:
    scope = parse_scope(text)
    assert scope is not None
    assert scope.permissions == permissions


@pytest.mark.parametrize(
    "text",
    [
        "system/Observation.sr",
        "system/Observation.rr",
        "system/Observation.x",
        "system/Observation.",
        "system/Observation",
        "system/observation.rs",
        "system/Nonsense.rs",
        "system/*Patient.rs",
        "System/Patient.rs",
        "user/Patient.rs",
        "patient/*.rs",
        "system/Patient.rs?",
        "system/Patient.rs\n",
        "system/Patient.READ",
        "openid",
        "",
    ],
)
def test_refuses_malformed_scopes(text: str) -> None:
    assert parse_scope(text) is None


def test_unknown_scopes_in_a_token_grant_nothing_and_harm_nothing() -> None:
    assert parse_scopes("openid system/Patient.r  launch system/Patient.sr") == (Scope("Patient", "r"),)


def test_a_constrained_scope_grants_nothing() -> None:
    (scope,) = parse_scopes("system/Observation.rs?category=laboratory")
    assert scope.constraint == "category=laboratory"
    assert not scope.grants("Observation", "r")
    assert str(scope) == "system/Observation.rs?category=laboratory"


def test_covers_what_it_grants_and_no_more() -> None:
    wide, narrow = Scope("*", "rs"), Scope("Patient", "r")
    assert wide.covers(narrow)
    assert not narrow.covers(wide)
    assert not wide.covers(Scope("Patient", "cr"))


def test_a_caller_is_told_which_scope_is_missing() -> None:
    caller = Caller("c", "t", parse_scopes("system/Patient.rs"))
    caller.require("Patient", "read")
    caller.require("Patient", "search")
    with pytest.raises(Forbidden, match=r"system/Patient\.d"):
        caller.require("Patient", "delete")
    assert not ANONYMOUS.may("Patient", "read")
