"""Route templates of HTTP functions, matched as ASP.NET Core matches them.

Templates: https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-templates; precedence as
`RoutePrecedence.ComputeInbound`; matching ignores case. A method that no route takes is a 404, not a 405, because the
Functions host puts the methods into the route's constraints (azure-functions-host `WebScriptHostHttpRoutesManager`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from local.host.engine import FunctionDefinition
from local.host.listing import route_of

_PARAMETER = re.compile(r"\{(\*{0,2})(\w+)((?::[^:{}?=]+(?:\([^()]*\))?)*)(?:=([^{}?]*))?(\?)?\}")
_CONSTRAINTS = {
    "int": r"-?\d{1,10}",
    "long": r"-?\d{1,19}",
    "bool": r"(?:true|false)",
    "guid": r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}",
    "alpha": r"[a-z]+",
    "decimal": r"-?\d+(?:\.\d+)?",
    "double": r"-?\d+(?:\.\d+)?",
    "float": r"-?\d+(?:\.\d+)?",
    "required": r"[^/]+",
}
_LITERAL, _CONSTRAINED, _PLAIN, _CATCH_ALL = 1, 2, 3, 5


class RouteRejected(ValueError):
    """A template this host cannot match; the message names template and reason."""


@dataclass(frozen=True, slots=True)
class Route:
    """One function's compiled route."""

    function: FunctionDefinition
    pattern: re.Pattern[str]
    methods: frozenset[str]
    precedence: tuple[int, ...]
    defaults: Mapping[str, str]

    def match(self, path: str) -> dict[str, str] | None:
        """Route parameters (decoded) of a raw path without its first slash, None where it does not match."""
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        values = {name: unquote(value) for name, value in found.groupdict().items() if value}
        return {**self.defaults, **values} if self.defaults else values


def compile_route(function: FunctionDefinition, route_prefix: str) -> Route:
    """The route of an HTTP function below the prefix of host.json."""
    template = route_of(function, route_prefix)
    pattern = ""
    precedence: list[int] = []
    defaults: dict[str, str] = {}
    segments = template.split("/") if template else []
    for position, segment in enumerate(segments):
        kind, text, optional = _compile_segment(segment, template, defaults)
        if kind == _CATCH_ALL and position != len(segments) - 1:
            raise RouteRejected(f"route '{template}': a catch-all parameter can only be the last segment")
        slash = "/" if position else ""
        pattern += f"(?:{slash}{text})?" if optional else slash + text
        precedence.append(kind)
    methods = frozenset(str(method).upper() for method in function.trigger.get("methods") or ())
    return Route(
        function, re.compile(pattern, re.IGNORECASE | re.DOTALL), methods, tuple(precedence), defaults
    )


def _compile_segment(segment: str, template: str, defaults: dict[str, str]) -> tuple[int, str, bool]:
    """Precedence, regular expression and whether the segment may be left out."""
    parameters = list(_PARAMETER.finditer(segment))
    if not parameters:
        if "{" in segment or "}" in segment:
            raise RouteRejected(f"route '{template}': segment '{segment}' cannot be read")
        return _LITERAL, re.escape(segment), False
    text, position, kind, optional = "", 0, _PLAIN, False
    for parameter in parameters:
        stars, name, constraints, default, question = parameter.groups()
        text += re.escape(segment[position : parameter.start()])
        position = parameter.end()
        value = ".*" if stars else "[^/]+"
        for constraint in filter(None, constraints.split(":")):
            kind, value = _CONSTRAINED, _constraint(constraint, value, template)
        if stars:
            kind = _CATCH_ALL
        if default is not None:
            defaults[name] = default
        optional = optional or bool(stars or question or default is not None)
        text += f"(?P<{name}>{value})"
    return kind, text + re.escape(segment[position:]), optional


def _constraint(constraint: str, value: str, template: str) -> str:
    name, _, arguments = constraint.partition("(")
    arguments = arguments.removesuffix(")")
    if name in _CONSTRAINTS:
        return _CONSTRAINTS[name]
    if name == "regex":
        return arguments.removeprefix("^").removesuffix("$")
    if name in ("length", "minlength", "maxlength") and value == "[^/]+":
        low, _, high = arguments.partition(",")
        sizes = {"length": f"{low},{high or low}", "minlength": f"{low},", "maxlength": f"1,{low}"}
        return f"[^/]{{{sizes[name]}}}"
    raise RouteRejected(
        f"route '{template}': the constraint '{constraint}' is not supported by the local host"
    )


class Routes:
    """All HTTP functions, the most precise route first."""

    def __init__(self, functions: Iterable[FunctionDefinition], route_prefix: str) -> None:
        web = [function for function in functions if function.trigger_type == "httpTrigger"]
        compiled = [compile_route(function, route_prefix) for function in web]
        self._routes = sorted(compiled, key=lambda route: route.precedence)

    def find(self, method: str, path: str) -> tuple[FunctionDefinition, dict[str, str]] | None:
        """The function for a raw path (first slash taken off) and its route parameters."""
        path = path.rstrip("/")
        for route in self._routes:
            if route.methods and method not in route.methods:
                continue
            parameters = route.match(path)
            if parameters is not None:
                return route.function, parameters
        return None
