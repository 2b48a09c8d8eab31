"""Partial document update: add, set, replace, remove, incr, move.

https://learn.microsoft.com/azure/cosmos-db/partial-document-update
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .errors import CosmosError, bad_request
from .json_text import SYSTEM_NAMES, is_kept_number, number_of

OPERATIONS_MAX = 10
_MISSING = object()


def apply(document: Any, operations: Any, key_paths: Sequence[tuple[str, ...]]) -> None:
    """Changes a document in place; raises 400 for the first operation that does not fit it."""
    if not isinstance(operations, list) or not operations:
        raise bad_request("The patch request must hold at least one operation.")
    if len(operations) > OPERATIONS_MAX:
        raise bad_request(f"The number of patch operations can't exceed '{OPERATIONS_MAX}'.")
    for operation in operations:
        if not isinstance(operation, dict) or operation.get("op") not in _OPERATIONS:
            raise bad_request("The patch operation is unknown: use add, set, replace, remove, incr or move.")
        _apply_one(document, operation, key_paths)


def _apply_one(document: Any, operation: dict[str, Any], key_paths: Sequence[tuple[str, ...]]) -> None:
    path = _segments(operation.get("path"), key_paths)
    container, last = _parent(document, path, operation)
    value = operation.get("value", _MISSING)
    if operation["op"] == "move":
        source = _segments(operation.get("from"), key_paths)
        if path[: len(source)] == source:
            raise _refused(operation, "the target lies within the source")
        origin, name = _parent(document, source, operation)
        value = _remove(origin, name, operation, None)
        container, last = _parent(document, path, operation)
    elif value is _MISSING and operation["op"] != "remove":
        raise _refused(operation, "it has no value")
    _OPERATIONS[operation["op"]](container, last, operation, value)


def _segments(path: Any, key_paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    if not isinstance(path, str) or not path.startswith("/") or path == "/":
        raise bad_request("The patch path is invalid: it must begin with '/'.")
    segments = tuple(part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/"))
    if segments[0] in SYSTEM_NAMES or segments == ("id",):
        raise bad_request(f"Cannot patch the system property '{path}'.")
    if any(key_path[: len(segments)] == segments for key_path in key_paths):
        raise bad_request(f"Cannot patch the partition key '{path}'.")
    return segments


def _refused(operation: dict[str, Any], why: str) -> CosmosError:
    return bad_request(
        f"For Operation({operation['op']}): the path '{operation.get('path')}' cannot be patched: {why}."
    )


def _parent(document: Any, path: tuple[str, ...], operation: dict[str, Any]) -> tuple[Any, str]:
    at = document
    for name in path[:-1]:
        if isinstance(at, dict) and name in at:
            at = at[name]
        elif isinstance(at, list) and name.isdecimal() and int(name) < len(at):
            at = at[int(name)]
        else:
            raise _refused(operation, "its parent does not exist")
    if not isinstance(at, (dict, list)):
        raise _refused(operation, "its parent is neither an object nor an array")
    return at, path[-1]


def _position(name: str, operation: dict[str, Any], last: int) -> int:
    if not name.isdecimal() or int(name) > last:
        raise _refused(operation, "the array has no such index")
    return int(name)


def _add(parent: Any, name: str, operation: dict[str, Any], value: Any) -> None:
    if isinstance(parent, dict):
        parent[name] = value
    elif name == "-":
        parent.append(value)
    else:
        parent.insert(_position(name, operation, len(parent)), value)


def _set(parent: Any, name: str, operation: dict[str, Any], value: Any) -> None:
    if isinstance(parent, dict):
        parent[name] = value
    elif name == "-" or name == str(len(parent)):
        parent.append(value)
    else:
        parent[_position(name, operation, len(parent) - 1)] = value


def _replace(parent: Any, name: str, operation: dict[str, Any], value: Any) -> None:
    if isinstance(parent, list):
        parent[_position(name, operation, len(parent) - 1)] = value
    elif name in parent:
        parent[name] = value
    else:
        raise _refused(operation, "it does not exist")


def _remove(parent: Any, name: str, operation: dict[str, Any], _: Any) -> Any:
    if isinstance(parent, list):
        return parent.pop(_position(name, operation, len(parent) - 1))
    if name not in parent:
        raise _refused(operation, "it does not exist")
    return parent.pop(name)


def _increment(parent: Any, name: str, operation: dict[str, Any], value: Any) -> None:
    if isinstance(parent, list):
        key: Any = _position(name, operation, len(parent) - 1)
        old = parent[key]
    else:
        key = name
        old = parent.get(name, 0)
    step = number_of(value)
    if not _is_number(step) or not (_is_number(old) or is_kept_number(old)):
        raise _refused(operation, "only numbers can be incremented")
    parent[key] = number_of(old) + step


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_OPERATIONS: dict[str, Callable[[Any, str, dict[str, Any], Any], Any]] = {
    "add": _add,
    "set": _set,
    "replace": _replace,
    "remove": _remove,
    "incr": _increment,
    "move": _add,
}
