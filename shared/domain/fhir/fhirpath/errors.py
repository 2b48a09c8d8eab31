"""What can be wrong with an expression or with evaluating it: always a sentence about the expression, never about data."""

from __future__ import annotations

from shared.errors import InputError


class FhirPathError(InputError):
    """An expression that cannot be read or evaluated. `at` is an offset in its text, None where the place is unknown."""

    def __init__(self, text: str, *, at: int | None = None) -> None:
        super().__init__(text)
        self.at = at


class FhirPathSyntaxError(FhirPathError):
    """The text is no FHIRPath: raised by `compile`, never by evaluating."""


class FhirPathLimitError(FhirPathError):
    """Evaluating would take more time or memory than any sensible expression needs."""
