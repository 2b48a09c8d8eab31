"""Keeps each training in MLflow: settings, figures, data, and the published artefact as champion of its registered model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from shared.domain.models.shipped import CHAMPION


@dataclass(frozen=True, slots=True)
class Champion:
    """The registry's champion of a model: its artefact's bytes, the hash it was registered with, its run."""

    packed: bytes
    sha256: str
    run_id: str


def champion_of(store: Path, model: str) -> Champion | None:
    """The champion that the registry in a store names; None where there is no registry, or no champion in it."""
    database = store / "mlflow.db"
    if not database.exists():
        return None
    uri = f"sqlite:///{database.absolute()}"
    try:
        version = MlflowClient(tracking_uri=uri, registry_uri=uri).get_model_version_by_alias(model, CHAMPION)
    except MlflowException:
        return None
    source = Path(unquote(urlparse(str(version.source)).path))
    return Champion(source.read_bytes(), str(version.tags["sha256"]), str(version.run_id))


class Tracking:
    """One run in a local SQLite store; its artefacts lie in a folder beside it."""

    def __init__(self, store: Path, model: str) -> None:
        store.mkdir(parents=True, exist_ok=True)
        self.model = model
        self._artifacts = store / "artifacts"
        uri = f"sqlite:///{(store / 'mlflow.db').absolute()}"
        self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        experiment = self._client.get_experiment_by_name(model)
        number = (
            experiment.experiment_id
            if experiment
            else self._client.create_experiment(model, artifact_location=self._artifacts.absolute().as_uri())
        )
        self.run_id = str(self._client.create_run(number).info.run_id)

    def record(
        self, settings: Mapping[str, Any], figures: Mapping[str, float], data: Mapping[str, Any]
    ) -> None:
        """Settings as parameters, figures as metrics, the data as tags."""
        for name, value in settings.items():
            self._client.log_param(self.run_id, name, value)
        for name, value in figures.items():
            self._client.log_metric(self.run_id, name, float(value))
        for name, value in data.items():
            self._client.set_tag(self.run_id, f"data.{name}", value)

    def finish(self, artefact: Path, sha256: str, *, champion: bool = True) -> None:
        """Stores the artefact, registers it as a new version and makes that the champion, unless it is not to serve."""
        self._client.log_artifact(self.run_id, str(artefact))
        try:
            self._client.create_registered_model(self.model)
        except MlflowException:  # it is there from an earlier run
            self._client.get_registered_model(self.model)
        source = f"{self._client.get_run(self.run_id).info.artifact_uri}/{artefact.name}"
        made = self._client.create_model_version(self.model, source, self.run_id, tags={"sha256": sha256})
        if champion:
            self._client.set_registered_model_alias(self.model, CHAMPION, made.version)
        self._client.set_terminated(self.run_id)

    def fail(self) -> None:
        """Ends the run as failed."""
        self._client.set_terminated(self.run_id, "FAILED")
