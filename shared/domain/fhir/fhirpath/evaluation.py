"""Many expressions on one resource: what `Expression.evaluate` makes anew for each is made once here."""

from __future__ import annotations

from typing import Any

from shared.domain.fhir.fhirpath.element import Items, resource_element
from shared.domain.fhir.fhirpath.environment import MAX_STEPS, Environment
from shared.domain.fhir.fhirpath.expression import Expression, guarded, schema_of
from shared.domain.fhir.fhirpath.model import TypeModel


class Evaluation:
    """The resource, the caller's variables, and the work that is left to do on them; for one thread."""

    def __init__(self, resource: dict[str, Any], variables: dict[str, Any], model: TypeModel | None) -> None:
        self.root = resource_element(resource)
        self._variables = variables
        self._env = Environment(
            schema_of(model), (self.root,), self.root, self.root, self._variables, None, None, None
        )

    def items(self, expression: Expression, focus: Any) -> Items:
        """What `expression` selects from `focus`, an item of an earlier result. Raises FhirPathError as `evaluate` does."""
        this = (focus,)
        self._begin(this)
        return guarded(expression.code.items, self._env, this)

    def truth(self, expression: Expression, focus: Any) -> bool | None:
        """The one boolean that `expression` gives, None for nothing; something that is no boolean counts as true."""
        this = (focus,)
        self._begin(this)
        return guarded(expression.code.truth, self._env, this)

    def get(self, name: str) -> Any:
        """What the variable `%name` is now."""
        return self._variables[name]

    def set(self, name: str, value: Any) -> None:
        """Sets the variable `%name` for the evaluations that follow."""
        self._variables[name] = value

    def _begin(self, this: Items) -> None:
        env = self._env
        env.context = this
        env.steps_left = MAX_STEPS
        if env.kept:
            env.kept.clear()
        if env.kept_truths:
            env.kept_truths.clear()
        if env.kept_keys:
            env.kept_keys.clear()
