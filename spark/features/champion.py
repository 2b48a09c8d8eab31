"""The model that a job asks: the champion in the lake, and the one that ships with the code where there is none."""

from __future__ import annotations

from shared.domain.models.artefact import PublishedModel, RefusedModel
from shared.domain.models.champion import Check, champion_in
from shared.domain.models.shipped import shipped_model
from spark.jobs.context import RunContext
from spark.jobs.lake_files import read_file


def champion(context: RunContext, name: str, check: Check) -> tuple[PublishedModel, list[str]]:
    """The model, and a note where the champion in the lake is refused, so that the shipped one is asked."""
    try:
        found = champion_in(lambda path: read_file(context, path), name, check)
    except RefusedModel as refused:
        note = f"the champion of the model {name} is refused, the shipped one is asked: {refused}"
        return check(shipped_model(name)), [note]
    return found or check(shipped_model(name)), []
