"""The part of FHIRPath that our ViewDefinitions use, compiled once per path.

https://hl7.org/fhirpath/N1/ in the minimal set of https://sql-on-fhir.org/ (2.0): member paths, `[n]`, `where()`,
`first()`, `exists()`, `empty()`, `not()`, `ofType()`, `join()`, `getResourceKey()`, `getReferenceKey()`, `=`, `!=`, `and`,
`or`, literals and `%constants`. Anything else is refused when the view is read, never skipped when it is run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Collection = list[Any]
Path = Callable[[Collection], Collection]

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<string>'(?:[^'\\]|\\.)*')|(?P<number>\d+(?:\.\d+)?)|(?P<name>%?[A-Za-z_]\w*|\$this)|(?P<sign>!=|[.()\[\]=,]))"
)
_REFERENCE: Final = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/.*)?")


class PathError(ValueError):
    """A path that is not FHIRPath, or not in the part that this understands."""


def compile_path(text: str, constants: Mapping[str, Any] | None = None) -> Path:
    """A function from a collection to a collection. Raises PathError for what is not understood."""
    parser = _Parser(text, constants or {})
    path = parser.disjunction()
    parser.expect_end()
    return path


class _Parser:
    """Recursive descent, one method per precedence level."""

    def __init__(self, text: str, constants: Mapping[str, Any]) -> None:
        self._text = text
        self._constants = constants
        self._tokens = _tokens(text)
        self._at = 0

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _expect(self, wanted: str) -> None:
        if self._take() != wanted:
            raise PathError(f"expected {wanted!r} in the path {self._text!r}")

    def expect_end(self) -> None:
        if self._at != len(self._tokens):
            raise PathError(f"cannot read {self._peek()!r} in the path {self._text!r}")

    def disjunction(self) -> Path:
        left = self._conjunction()
        while self._peek() == "or":
            self._take()
            left = _logic(left, self._conjunction(), absorbing=True)
        return left

    def _conjunction(self) -> Path:
        left = self._equality()
        while self._peek() == "and":
            self._take()
            left = _logic(left, self._equality(), absorbing=False)
        return left

    def _equality(self) -> Path:
        left = self._postfix()
        if self._peek() in ("=", "!="):
            wanted = self._take() == "="
            left = _equals(left, self._postfix(), wanted)
        return left

    def _postfix(self) -> Path:
        path = self._term()
        while self._peek() in (".", "["):
            if self._take() == ".":
                path = _then(path, self._step(self._take()))
            else:
                path = _then(path, self._index())
                self._expect("]")
        return path

    def _index(self) -> Path:
        token = self._take()
        position = self._constants.get(token[1:]) if token.startswith("%") else token
        if not str(position).isdigit():
            raise PathError(f"an index is a whole number in the path {self._text!r}")
        start = int(str(position))
        return lambda items: items[start : start + 1]

    def _term(self) -> Path:
        word = self._take()
        if word == "(":
            path = self.disjunction()
            self._expect(")")
            return path
        if word.startswith("'"):
            return _literal(re.sub(r"\\(.)", r"\1", word[1:-1]))
        if word[:1].isdigit():
            return _literal(float(word) if "." in word else int(word))
        if word in ("true", "false"):
            return _literal(word == "true")
        if word == "$this":
            return lambda items: items
        if word.startswith("%"):
            if word[1:] not in self._constants:
                raise PathError(f"the constant {word} is not declared")
            return _literal(self._constants[word[1:]])
        return self._step(word)

    def _step(self, name: str) -> Path:
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise PathError(f"cannot read {name!r} in the path {self._text!r}")
        if self._peek() != "(":
            return _member(name + self._choice())
        self._take()
        if name in ("where", "exists"):
            criterion = None if self._peek() == ")" else self.disjunction()
            step = _where(criterion) if name == "where" else _exists(criterion)
        elif name in _WITH_ARGUMENT:
            argument = "" if self._peek() == ")" else self._take().strip("'")
            step = _WITH_ARGUMENT[name](argument)
        elif name in _PLAIN:
            step = _PLAIN[name]
        else:
            raise PathError(f"the function {name}() is not supported")
        self._expect(")")
        return step

    def _choice(self) -> str:
        """In JSON `value.ofType(Quantity)` is the member `valueQuantity`: the end of its name, or nothing."""
        if self._tokens[self._at : self._at + 3] != [".", "ofType", "("]:
            return ""
        self._at += 3
        type_ = self._take()
        self._expect(")")
        return type_[:1].upper() + type_[1:]


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise PathError(f"cannot read the path {text!r} at character {at}")
        found.append(match[match.lastgroup or 0])
        at = match.end()
    return found


def _literal(value: Any) -> Path:
    return lambda _: [value]


def _then(first: Path, second: Path) -> Path:
    return lambda items: second(first(items))


def _member(name: str) -> Path:
    def step(items: Collection) -> Collection:
        found: Collection = []
        for item in items:
            if not isinstance(item, dict):
                continue
            value = item.get(name)
            if isinstance(value, list):
                found.extend(value)
            elif value is not None:
                found.append(value)
            elif item.get("resourceType") == name:
                found.append(item)
        return found

    return step


def _where(criterion: Path | None) -> Path:
    if criterion is None:
        raise PathError("where() needs a criterion")
    return lambda items: [item for item in items if criterion([item]) == [True]]


def _exists(criterion: Path | None) -> Path:
    kept = _where(criterion) if criterion else None
    return lambda items: [bool(kept(items) if kept else items)]


def _join(separator: str) -> Path:
    return lambda items: [separator.join(str(item) for item in items)] if items else []


def _reference_key(type_: str) -> Path:
    def step(items: Collection) -> Collection:
        matches = [
            _REFERENCE.fullmatch(str(item.get("reference", ""))) for item in items if isinstance(item, dict)
        ]
        return [match[2] for match in matches if match and type_ in ("", match[1])]

    return step


def _negate(items: Collection) -> Collection:
    return [not items[0]] if items else []


_WITH_ARGUMENT: Final = {"getReferenceKey": _reference_key, "join": _join}
_PLAIN: Final[dict[str, Path]] = {
    "first": lambda items: items[:1],
    "empty": lambda items: [not items],
    "not": _negate,
    "getResourceKey": _member("id"),
}


def _equals(left: Path, right: Path, wanted: bool) -> Path:
    def compare(items: Collection) -> Collection:
        one, other = left(items), right(items)
        return [(one == other) is wanted] if one and other else []

    return compare


def _logic(left: Path, right: Path, *, absorbing: bool) -> Path:
    """Three-valued `or` (absorbing true) and `and` (absorbing false)."""

    def combine(items: Collection) -> Collection:
        one, other = left(items)[:1], right(items)[:1]
        if [absorbing] in (one, other):
            return [absorbing]
        return [not absorbing] if one and other else []

    return combine
