"""The list of functions, laid out as `func start` prints it.

azure-functions-core-tools `StartHostAction`/`DisplayFunctionsInfoUtilities.cs`: HTTP functions first, then the others,
each by name; only HTTP functions have methods and a URL.
"""

from __future__ import annotations

from collections.abc import Iterable

from local.host.engine import FunctionDefinition


def function_list(functions: Iterable[FunctionDefinition], address: str, route_prefix: str) -> str:
    """The text between blank lines that a developer knows from `func start`."""
    ordered = sorted(functions, key=lambda function: function.name.lower())
    web = [function for function in ordered if function.trigger_type == "httpTrigger"]
    others = [function for function in ordered if function.trigger_type != "httpTrigger"]
    lines = ["", "Functions:", ""]
    for function in web:
        lines += [f"\t{function.name}: {_methods(function)}{_url(function, address, route_prefix)}", ""]
    for function in others:
        lines += [f"\t{function.name}: {function.trigger_type}", ""]
    return "\n".join(lines)


def route_of(function: FunctionDefinition, route_prefix: str) -> str:
    """The whole route template, which is the function's name where none is declared."""
    route = str(function.trigger.get("route") or function.name).strip("/")
    return f"{route_prefix}/{route}" if route_prefix else route


def _methods(function: FunctionDefinition) -> str:
    methods = [str(method).upper() for method in function.trigger.get("methods") or ()]
    return f"[{','.join(methods)}] " if methods else ""


def _url(function: FunctionDefinition, address: str, route_prefix: str) -> str:
    return f"{address}/{route_of(function, route_prefix)}"
