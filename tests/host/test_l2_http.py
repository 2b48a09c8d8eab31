"""L2: what the host does to a request before a function sees it (`GrpcMessageConversionExtensions.ToRpcHttp`)."""

from __future__ import annotations

import pytest

from local.host.engine import FunctionDefinition
from local.host.http_trigger import has_length, has_valid_host, query_parameters, rebuilt_path
from local.host.routes import RouteRejected, Routes


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("a=1&a=2", {"a": "1,2"}),
        ("a=1&A=2", {"a": "1,2"}),
        ("a=&b", {}),
        ("a=&a=1", {"a": "1"}),
        ("name=a+b%20c%2Bd", {"name": "a b c+d"}),
        ("a=1;b=2", {"a": "1;b=2"}),
        ("date=ge2020&date=lt2021", {"date": "ge2020,lt2021"}),
    ],
)
def test_query_parameters_are_joined_and_empty_ones_dropped(query: str, expected: dict[str, str]) -> None:
    assert {name: datum.value for name, datum in query_parameters(query).items()} == expected


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ("/fhir/Patient/1", "/fhir/Patient/1"),
        ("/fhir/Patient/%24everything", "/fhir/Patient/$everything"),
        ("/a%20b", "/a%20b"),
        ("/a%2Fb", "/a%2Fb"),
        ("/a%2541", "/a%41"),
        ("/a%C3%A4", "/a%C3%A4"),
        ("/a%ff", "/a%ff"),
        ("/a%", "/a%25"),
        ("/fhir/../x", "/x"),
        ("/fhir/%2e%2e/x", "/x"),
        ("/../../x", "/x"),
        ("/a/./b/", "/a/b/"),
        ("/a/b/..", "/a/"),
        ("/a..b/.c", "/a..b/.c"),
    ],
)
def test_path_is_decoded_and_written_again(sent: str, arrives: str) -> None:
    assert rebuilt_path(sent) == arrives


@pytest.mark.parametrize(
    "host", ["", "localhost", "a-b.example:7071", "127.0.0.1:65535", "[::1]", "[::1]:80"]
)
def test_a_host_is_a_name_or_an_address_with_a_port(host: str) -> None:
    assert has_valid_host([(b"accept", b"*/*"), (b"host", host.encode())])


@pytest.mark.parametrize(
    "host", ["[", "a:b", "a:", ":::", "a:65536", "a b", "a/fhir/Patient?x=", "x?y", "x#y", "me@a", "[::1]:x"]
)
def test_a_host_that_would_choose_the_path_is_refused(host: str) -> None:
    assert not has_valid_host([(b"host", host.encode())])
    assert not has_valid_host([(b"host", b"a"), (b"host", b"a")])


def test_body_without_a_length_does_not_arrive() -> None:
    assert has_length([(b"content-length", b"3")])
    assert not has_length([(b"content-length", b"0")])
    assert not has_length([(b"transfer-encoding", b"chunked")])


def http_function(name: str, route: str | None = None, methods: tuple[str, ...] = ()) -> FunctionDefinition:
    trigger = {"type": "httpTrigger", "name": "req", "route": route, "methods": list(methods)}
    return FunctionDefinition(name, name, (trigger,), trigger, is_async=True)


def matched(routes: Routes, path: str, method: str = "GET") -> tuple[str, dict[str, str]] | None:
    found = routes.find(method, path)
    return (found[0].name, found[1]) if found else None


def test_most_precise_route_wins_whatever_the_order() -> None:
    routes = Routes(
        [
            http_function("all", "{*path}"),
            http_function("one", "things/{id}"),
            http_function("number", "things/{id:int}"),
            http_function("fixed", "things/new"),
        ],
        "",
    )
    assert matched(routes, "things/new") == ("fixed", {})
    assert matched(routes, "things/7") == ("number", {"id": "7"})
    assert matched(routes, "things/a%20b") == ("one", {"id": "a b"})
    assert matched(routes, "things/a/b") == ("all", {"path": "things/a/b"})
    assert matched(routes, "") == ("all", {})


def test_routes_match_without_regard_to_case() -> None:
    assert matched(Routes([http_function("f", "Patient/{id}")], "api"), "API/patient/1") == ("f", {"id": "1"})


def test_a_method_no_route_takes_is_not_found() -> None:
    assert matched(Routes([http_function("f", "x", ("POST",))], "api"), "api/x") is None


def test_function_without_route_answers_at_its_name() -> None:
    assert matched(Routes([http_function("f")], "api"), "api/f/") == ("f", {})


def test_optional_and_defaulted_parameters_may_be_left_out() -> None:
    routes = Routes([http_function("f", "a/{id?}"), http_function("g", "b/{id=5}")], "")
    assert matched(routes, "a") == ("f", {})
    assert matched(routes, "b") == ("g", {"id": "5"})
    assert matched(routes, "b/6") == ("g", {"id": "6"})


def test_catch_all_in_the_middle_is_refused() -> None:
    with pytest.raises(RouteRejected, match="last segment"):
        Routes([http_function("f", "a/{*rest}/b")], "")
