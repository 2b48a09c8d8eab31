"""Which endpoint a method and a path lead to: case-sensitive, literal segments before parameters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response

from functions.api.exchange import ApiRequest
from functions.api.services import ApiServices
from shared.domain.access.caller import Caller
from shared.domain.fhir.outcome import error
from shared.errors import NotFound, Unsupported

InThread = Callable[..., Awaitable[Any]]
"""Runs a blocking function with its arguments in the API's thread pool."""


@dataclass(frozen=True, slots=True)
class BodyRule:
    """What body an endpoint takes."""

    content_types: tuple[str, ...]
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing a client can do.

    `admit` stands for an endpoint with a token of its own kind; `public` for one without.
    `needs` are the (type, interaction) pairs that the token must allow; `{type}` stands for the type of the path.
    Exactly one of `run` (blocking, in a thread) and `wait` (on the event loop) is given.
    """

    name: str
    method: str
    template: str
    run: Callable[[ApiServices, ApiRequest], Response] | None = None
    wait: Callable[[ApiServices, ApiRequest, InThread], Awaitable[Response]] | None = None
    needs: tuple[tuple[str, str], ...] = ()
    body: BodyRule | None = None
    public: bool = False
    admit: Callable[[ApiServices, Headers], Caller] | None = None
    json_only: bool = True
    segments: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", tuple(self.template.strip("/").split("/")))

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """The path parameters, or None where the path is another."""
        found = {}
        for mine, given in zip(self.segments, segments, strict=True):
            if mine.startswith("{"):
                found[mine[1:-1]] = given
            elif mine != given:
                return None
        return found


class MethodNotAllowed(Unsupported):
    """The path exists and does not take the method."""

    def __init__(self, allowed: str) -> None:
        text = f"The method is not supported here; supported: {allowed}."
        super().__init__(text, issues=[error("not-supported", text, rule="method")], status=405)
        self.allowed = allowed


class Routes:
    """The endpoints by number of path segments; within one number, paths with more literal segments first."""

    def __init__(self, endpoints: tuple[Endpoint, ...]) -> None:
        self._by_length: dict[int, list[Endpoint]] = {}
        for endpoint in sorted(endpoints, key=lambda e: e.template.count("{")):
            self._by_length.setdefault(len(endpoint.segments), []).append(endpoint)

    def find(self, method: str, path: str) -> tuple[Endpoint, Mapping[str, str]]:
        """The endpoint and its path parameters; HEAD goes where GET goes. Raises NotFound and MethodNotAllowed."""
        segments = tuple(path.removesuffix("/").removeprefix("/").split("/"))
        wanted = "GET" if method == "HEAD" else method
        allowed: set[str] = set()
        for endpoint in self._by_length.get(len(segments), ()):
            found = endpoint.match(segments)
            if found is None:
                continue
            if endpoint.method == wanted:
                return endpoint, found
            allowed.add(endpoint.method)
        if not allowed:
            raise NotFound("There is nothing at this address.")
        raise MethodNotAllowed(", ".join(sorted(allowed | ({"HEAD"} if "GET" in allowed else set()))))
