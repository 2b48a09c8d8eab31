"""What one evaluation knows beside its focus, and how much it may still do."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Set
from datetime import datetime
from typing import Any, Final, TypeAlias

from shared.domain.fhir.fhirpath.element import EMPTY, Items
from shared.domain.fhir.fhirpath.errors import FhirPathError, FhirPathLimitError
from shared.domain.fhir.fhirpath.navigation import Schema

MAX_STEPS: Final = 1_000_000
"""Items that one evaluation may look at in loops: seconds of work. A 10,000-entry bundle's invariants take some 100,000."""
MAX_ITEMS: Final = 1_000_000
MAX_TEXT: Final = 10_000_000
_CHARACTERS_A_STEP: Final = 16

Resolver: TypeAlias = Callable[[str], dict[str, Any] | None]
Membership: TypeAlias = Callable[[Any, str], bool | None]


class Environment:
    """One evaluation. `$this` is handed from closure to closure; `$index` and `$total`, which are rare, stand here."""

    __slots__ = (
        "context", "index", "kept", "kept_keys", "kept_truths", "member_of", "now", "resolve", "resource", "root", "schema",
        "steps_left", "total", "variables",
    )  # fmt: skip

    def __init__(
        self,
        schema: Schema,
        context: Items,
        resource: Any,
        root: Any,
        variables: Mapping[str, Any],
        resolve: Resolver | None,
        member_of: Membership | None,
        now: datetime | None,
    ) -> None:
        self.schema = schema
        self.context = context
        self.resource = resource
        self.root = root
        self.variables = variables
        self.resolve = resolve
        self.member_of = member_of
        self.now = now
        self.index = -1
        self.total: Items = EMPTY
        self.kept: dict[str, Items] = {}
        self.kept_truths: dict[str, bool | None] = {}
        self.kept_keys: dict[int, tuple[Items, Set[Hashable]]] = {}
        self.steps_left = MAX_STEPS

    def spend(self, steps: int) -> None:
        """Counts work that depends on data. Raises FhirPathLimitError when it is too much."""
        self.steps_left -= steps
        if self.steps_left < 0:
            raise FhirPathLimitError("The expression takes too many steps on this data.")

    def spend_text(self, items: Items) -> Items:
        """`items`, which are new, counted by their text where they are one."""
        if len(items) == 1 and items[0].__class__ is str:
            self.spend(len(items[0]) // _CHARACTERS_A_STEP)
        return items

    def require_now(self) -> datetime:
        """The instant that the caller gave."""
        if self.now is None:
            raise FhirPathError(
                "now(), today() and timeOfDay() need an instant, which the caller did not give."
            )
        return self.now


def require_size(items: Items) -> Items:
    """`items`, unless they are too many to be meant."""
    if len(items) > MAX_ITEMS:
        raise FhirPathLimitError(f"The expression collects more than {MAX_ITEMS} items.")
    return items


def require_text(length: int) -> None:
    """Refuses a text longer than any that is meant, before it is built."""
    if length > MAX_TEXT:
        raise FhirPathLimitError(f"The expression builds a text of more than {MAX_TEXT} characters.")
