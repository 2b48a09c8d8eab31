"""Finding and importing `function_app.py`, and the checks on a function that the real indexer makes.

The checks restate `azure_functions_runtime/functions.py` (1.3.0, MIT) for interpreters on which that library cannot be
installed; `tests/host` holds both against the same rejected apps.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.host.engine import AppRejected

SCRIPT = "function_app.py"
GENERIC = "generic"
"""The binding type of a parameter annotated `str` or `bytes`: it takes the wire value as it is."""
_IN, _OUT = 0, 1


def check_directory(app_directory: Path) -> None:
    """Say what is missing before a library says it less clearly."""
    if not (app_directory / SCRIPT).is_file():
        raise AppRejected(
            f"no {SCRIPT} in {app_directory.name or 'the app directory'}; give its folder with --app"
        )


@contextlib.contextmanager
def on_import_path(app_directory: Path) -> Iterator[None]:
    """Put the app first on the import path for good: functions may import lazily later."""
    entry = str(app_directory)
    if entry not in sys.path:
        sys.path.insert(0, entry)
    yield


def import_app(app_directory: Path) -> list[Any]:
    """The functions of the one FunctionApp in `function_app.py` (`loader.index_function_app`)."""
    check_directory(app_directory)
    import azure.functions as func

    with on_import_path(app_directory):
        try:
            module = importlib.import_module(SCRIPT.removesuffix(".py"))
        except Exception as error:  # the real worker fails its init request on any exception of the import
            raise AppRejected(f"cannot import {SCRIPT}: {type(error).__name__}: {error}") from error
    apps = [value for value in vars(module).values() if isinstance(value, func.FunctionRegister)]
    if len(apps) > 1:
        raise AppRejected(
            f"More than one {type(apps[0]).__name__} or other top level function app instances are defined."
        )
    if not apps:
        raise AppRejected(f"Could not find top level function app instances in {SCRIPT}.")
    try:
        return list(apps[0].get_functions())
    except ValueError as invalid:
        raise AppRejected(str(invalid)) from invalid


@dataclass(frozen=True, slots=True)
class Signature:
    """What the checks found out about a function: enough to decode its inputs and encode its outputs."""

    call: Callable[..., Any]
    is_async: bool
    takes_context: bool
    inputs: Mapping[str, str]
    outputs: Mapping[str, tuple[str, Any]]
    returns: tuple[str, Any] | None


def check_function(function: Any, registry: Any) -> Signature:
    """Validate one function against its bindings; raises `AppRejected` as the real indexer does."""
    name, call = function.get_function_name(), function.get_user_function()
    parameters = dict(inspect.signature(call).parameters)
    try:
        annotations = typing.get_type_hints(call)
    except NameError as unknown:
        raise AppRejected(f"cannot load the {name} function: {unknown}") from unknown
    bound, returning, explicit = _bindings(function, registry, name)
    takes_context = _takes_context(parameters, bound, annotations, name)
    _check_names(parameters, bound, name)
    inputs: dict[str, str] = {}
    outputs: dict[str, tuple[str, Any]] = {}
    for parameter in parameters:
        kind, python_type = _check_parameter(name, parameter, bound[parameter], annotations, registry)
        if int(bound[parameter].direction) == _OUT:
            outputs[parameter] = (kind, python_type)
        else:
            inputs[parameter] = kind
    returns = _check_return(name, returning, explicit, annotations, registry)
    return Signature(call, inspect.iscoroutinefunction(call), takes_context, inputs, outputs, returns)


def _bindings(function: Any, registry: Any, name: str) -> tuple[dict[str, Any], str | None, bool]:
    """Bindings by parameter, the type of the returned one, and whether it was declared as `$return`."""
    bound: dict[str, Any] = {}
    returning: str | None = None
    explicit = False
    for binding in function.get_bindings():
        direction = int(binding.direction)
        if direction not in (_IN, _OUT):
            raise AppRejected(f'cannot load the {name} function: "inout" bindings are not supported')
        if binding.name == "$return":
            if direction != _OUT:
                raise AppRejected(
                    f'cannot load the {name} function: "$return" binding must have direction set to "out"'
                )
            returning, explicit = binding.type, True
            continue
        converter = registry.get(binding.type)
        if not explicit and getattr(converter, "has_implicit_output", lambda: False)():
            returning = binding.type
        bound[binding.name] = binding
    return bound, returning, explicit


def _takes_context(
    parameters: dict[str, Any], bound: Mapping[str, Any], annotations: Mapping[str, Any], name: str
) -> bool:
    if "context" not in parameters or "context" in bound:
        return False
    del parameters["context"]
    annotation = annotations.get("context")
    if annotation is not None and (not isinstance(annotation, type) or annotation.__name__ != "Context"):
        raise AppRejected(
            f'cannot load the {name} function: the "context" parameter is expected to be of type '
            f'azure.functions.Context, got "{annotation!r}"'
        )
    return True


def _check_names(parameters: Mapping[str, Any], bound: Mapping[str, Any], name: str) -> None:
    if undeclared := set(parameters) - set(bound):
        raise AppRejected(
            f"cannot load the {name} function: the following parameters are declared in Python but not in the "
            f"function definition (function.json or function decorators):  {undeclared!r}"
        )
    if missing := set(bound) - set(parameters):
        raise AppRejected(
            f"cannot load the {name} function: Extra parameters in binding definition — the following parameters "
            f"are declared as bindings but are not present in Python: {missing!r}"
        )


def _is_generic(annotation: Any) -> bool:
    """`typing.List[x]` is generic to the real indexer, `list[x]` and unions are not (its `typing_inspect`)."""
    return isinstance(annotation, typing._GenericAlias) and typing.get_origin(annotation) not in (  # type: ignore[attr-defined]
        typing.Union,
        tuple,
        typing.ClassVar,
    )


def _check_parameter(
    name: str, parameter: str, binding: Any, annotations: Mapping[str, Any], registry: Any
) -> tuple[str, Any]:
    """The binding type and Python type of one parameter."""
    if parameter not in annotations:
        return binding.type, None
    annotation = annotations[parameter]
    origin = typing.get_origin(annotation) if _is_generic(annotation) else annotation
    is_out = isinstance(origin, type) and origin.__name__ == "Out"
    python_type = annotation
    if is_out:
        arguments = typing.get_args(annotation)
        if len(arguments) != 1:
            raise AppRejected(
                f"cannot load the {name} function: binding {parameter} has invalid Out annotation {annotation!r}"
            )
        python_type = arguments[0]
    # `list[x]` answers isinstance(type) with False on every supported interpreter and is no typing generic either
    if not isinstance(python_type, type) and not _is_generic(python_type):
        raise AppRejected(
            f"cannot load the {name} function: binding {parameter} has invalid non-type annotation {annotation!r}"
        )
    _check_direction(name, parameter, binding, is_out)
    if python_type in (str, bytes):
        return GENERIC, python_type
    _check_type(name, parameter, binding, python_type, registry)
    return binding.type, python_type


def _check_direction(name: str, parameter: str, binding: Any, is_out: bool) -> None:
    wants_out = int(binding.direction) == _OUT
    if wants_out and not is_out:
        raise AppRejected(
            f'cannot load the {name} function: binding {parameter} is declared to have the "out" direction, but its '
            "annotation in Python is not a subclass of azure.functions.Out"
        )
    if not wants_out and is_out:
        raise AppRejected(
            f'cannot load the {name} function: binding {parameter} is declared to have the "in" direction in the '
            "binding decorator, but its annotation is azure.functions.Out in Python"
        )


def _check_type(name: str, parameter: str, binding: Any, python_type: Any, registry: Any) -> None:
    converter = registry.get(binding.type)
    if converter is None:
        return
    direction = "output" if int(binding.direction) == _OUT else "input"
    check = getattr(converter, f"check_{direction}_type_annotation", None)
    try:
        fits = check is not None and check(python_type)
    except TypeError:
        fits = False
    if not fits:
        shown = getattr(python_type, "__name__", repr(python_type))
        raise AppRejected(
            f"cannot load the {name} function: type of {parameter} binding in the binding decorator "
            f'"{binding.type}" does not match its Python annotation "{shown}"'
        )


def _check_return(
    name: str, returning: str | None, explicit: bool, annotations: Mapping[str, Any], registry: Any
) -> tuple[str, Any] | None:
    if returning is None:
        return None
    if not explicit or "return" not in annotations:
        return returning, annotations.get("return")
    python_type = annotations["return"]
    if not isinstance(python_type, type):
        raise AppRejected(
            f"cannot load the {name} function: has invalid non-type return annotation {python_type!r}"
        )
    converter = registry.get(returning)
    if converter is not None and not converter.check_output_type_annotation(python_type):
        raise AppRejected(
            f'cannot load the {name} function: Python return annotation "{python_type.__name__}" does not match '
            f'binding type "{returning}"'
        )
    return returning, python_type
