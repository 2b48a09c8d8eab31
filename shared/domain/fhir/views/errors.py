"""What can be wrong with a ViewDefinition: a sentence that begins with the place in its JSON, never with a value of data."""

from __future__ import annotations

from shared.errors import InputError


class ViewError(InputError):
    """A view that cannot be used, or that a resource shows to be wrong. `place` is as `select[0].column[1].path`."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}" if place else problem)
        self.place = place
        self.problem = problem
