"""The ViewDefinitions that ship, each a JSON file beside this one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib import resources

from shared.domain.fhir.views import View


@cache
def load_view(name: str) -> View:
    """The view kept as `<name>.json`, compiled once per process."""
    return View(json.loads(resources.files("spark.views").joinpath(f"{name}.json").read_text("utf-8")))


def view_names() -> Iterator[str]:
    """The views that ship."""
    for file in resources.files("spark.views").iterdir():
        if file.name.endswith(".json"):
            yield file.name.removesuffix(".json")
