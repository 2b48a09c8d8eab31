"""Makes a candidate that training left in the lake the champion: by hand, after somebody has judged its card."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Final

from shared.domain.models.artefact import RefusedModel
from shared.domain.models.champion import Check, verified
from shared.domain.models.lake_layout import (
    Alias,
    alias_path,
    artefact_path,
    candidate_artefact,
    candidate_path,
    read_alias,
)
from shared.domain.onset.risk import checked
from shared.domain.stays.model_risk import ONSET
from shared.names import MLFLOW_STORE, MODEL_ARTEFACTS
from spark.jobs.context import RunContext
from spark.jobs.lake_files import read_file, write_file
from spark.jobs.report import TableReport
from spark.jobs.stops import SourceMissing

_SERVED: Final[dict[str, Check]] = {ONSET.model: checked}
"""The models that are trained on the lake and that a service asks."""


def run(context: RunContext) -> Iterator[TableReport]:
    """Copies the artefact to those that are served, verified, and names it last; then MLflow does, where a store is named.

    Raises SourceMissing where there is no such candidate, RefusedModel where it is damaged or no service asks such a model.
    """
    started = time.monotonic()
    model, _, run_id = context.source.partition("/")
    found = read_file(context, candidate_path(model, run_id)) if model and run_id else None
    if found is None:
        raise SourceMissing(
            f"there is no candidate {context.source!r}: --from names model and run, such as onset/4f2a…, as they lie below "
            "ml-features/model-candidates"
        )
    if model not in _SERVED:
        raise RefusedModel(f"no service asks the model {model}: its candidates are to be looked at")
    alias = read_alias(found, model)
    artefact = read_file(context, candidate_artefact(alias))
    if artefact is None:
        raise RefusedModel("the artefact that the candidate names is not in the lake")
    verified(artefact, alias, _SERVED[model])
    write_file(context, artefact_path(model, alias.sha256), artefact)
    write_file(context, alias_path(model), alias.encode())
    said = f"{model} {alias.version} of run {alias.run_id} is the champion"
    notes = (said, *_told(alias))
    yield TableReport(f"{MODEL_ARTEFACTS}/{model}", 1, 1, time.monotonic() - started, notes)


def _told(alias: Alias) -> Iterator[str]:
    """Makes the run's version MLflow's champion, and says so or why not: what is in service does not hang on it."""
    uri = os.environ.get(MLFLOW_STORE)
    if not uri:
        return
    try:
        from spark.training.tracking import Store, make_champion_of_run

        version = make_champion_of_run(Store(uri), alias.model, alias.run_id)
    except (LookupError, ImportError) as kept:
        yield f"the champion of MLflow stays what it was, and `local publish` would put that back: {kept}"
    else:
        yield f"version {version} is the champion of MLflow"
