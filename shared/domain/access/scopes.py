"""SMART scopes for system access: what a token allows, type by type.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.domain.fhir.resource_types import RESOURCE_TYPES

PERMISSIONS: Final = {
    "create": "c",
    "read": "r",
    "update": "u",
    "delete": "d",
    "search": "s",
}
"""Interaction → letter. Version reads and the history of one resource are reads; a PUT that creates is an update."""

_SCOPE: Final = re.compile(r"system/(\*|[A-Z][A-Za-z]{2,40})\.([a-z]{1,5}|\*)(?:\?([!-~]{1,200}))?")
_CRUDS: Final = re.compile(r"c?r?u?d?s?")
_VERSION_1: Final = {"read": "rs", "write": "cud", "*": "cruds"}


@dataclass(frozen=True, slots=True)
class Scope:
    """`system/<type>.<permissions>`; `constraint` is what follows `?`, and a constrained scope grants nothing here.

    Answering within a constraint would need every read, total and sort to honour it; until a server does all of that,
    not granting is the only answer that discloses nothing.
    """

    type: str
    permissions: str
    constraint: str = ""

    def __str__(self) -> str:
        return f"system/{self.type}.{self.permissions}" + (f"?{self.constraint}" if self.constraint else "")

    def grants(self, type_: str, permission: str) -> bool:
        """Whether it allows one permission on one type (`*`: on all types)."""
        return not self.constraint and self.type in ("*", type_) and permission in self.permissions

    def covers(self, other: Scope) -> bool:
        """Whether everything that `other` grants is granted by this one."""
        return all(self.grants(other.type, permission) for permission in other.permissions)


def parse_scope(text: str) -> Scope | None:
    """A `system/` scope in its form of version 2 (`cruds`, a subset in that order) or 1; None where it is malformed."""
    match = _SCOPE.fullmatch(text)
    if match is None:
        return None
    type_, permissions, constraint = match.groups()
    letters = _VERSION_1.get(permissions, permissions)
    if not _CRUDS.fullmatch(letters) or (type_ != "*" and type_ not in RESOURCE_TYPES):
        return None
    return Scope(type_, letters, constraint or "")


def parse_scopes(text: str) -> tuple[Scope, ...]:
    """The scopes of a space-separated list that this server knows; others (`openid`, malformed ones) grant nothing."""
    return tuple(scope for part in text.split() if (scope := parse_scope(part)))


def granted(scopes: Iterable[Scope], type_: str, interaction: str) -> bool:
    """Whether one of the scopes allows the interaction on the type."""
    permission = PERMISSIONS[interaction]
    return any(scope.grants(type_, permission) for scope in scopes)
