"""Keeps each training in MLflow: settings, figures, data, and the artefact as a version of its registered model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlparse

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from shared.domain.models.shipped import CHAMPION

_SQLITE = "sqlite:///"


class StoreRefused(RuntimeError):
    """MLflow does not open its store; the message says why."""


@dataclass(frozen=True, slots=True)
class Store:
    """Where MLflow keeps runs and registered models: a SQLite file, or a server that keeps their files too."""

    uri: str

    @classmethod
    def in_folder(cls, folder: Path) -> Store:
        """`mlflow.db` in a folder."""
        return cls(f"{_SQLITE}{(folder / 'mlflow.db').absolute()}")

    @property
    def database(self) -> Path | None:
        """The SQLite file; None of a server."""
        return Path(self.uri.removeprefix(_SQLITE)) if self.uri.startswith(_SQLITE) else None

    def client(self) -> MlflowClient:
        """Versions are registered in the same store, unless MLFLOW_REGISTRY_URI names another one."""
        return MlflowClient(
            tracking_uri=self.uri, registry_uri=os.environ.get("MLFLOW_REGISTRY_URI") or self.uri
        )

    def open(self) -> None:
        """Looks whether runs can be kept. Raises StoreRefused, such as where the schema is that of another MLflow."""
        try:
            self.client().search_experiments(max_results=1)
        except MlflowException as refused:
            raise StoreRefused(f"MLflow does not open its store: {first_line(refused)}") from refused

    def upgrade(self) -> None:
        """Brings the SQLite file to the schema of this MLflow. Raises StoreRefused where it cannot be."""
        from alembic.util import CommandError
        from mlflow.store.db.utils import _upgrade_db, create_sqlalchemy_engine
        from sqlalchemy.exc import SQLAlchemyError

        engine = create_sqlalchemy_engine(self.uri)
        try:
            _upgrade_db(engine)
        except (CommandError, MlflowException, SQLAlchemyError) as refused:
            raise StoreRefused(f"MLflow does not open its store: {first_line(refused)}") from refused
        finally:
            engine.dispose()

    def experiment(self, model: str) -> str:
        """The name of a model's experiment. In Databricks it is a path of the workspace."""
        return f"/Shared/galen-{model}" if self.uri.startswith("databricks") else model


@dataclass(frozen=True, slots=True)
class Champion:
    """The registry's champion of a model: its artefact's bytes, the hash it was registered with, its run."""

    packed: bytes
    sha256: str
    run_id: str


def first_line(refused: Exception) -> str:
    """What MLflow says, without statements and traces."""
    return next(iter(str(refused).splitlines()), type(refused).__name__)


def champion_of(store: Store, model: str) -> Champion | None:
    """The champion that the registry in a store names; None where there is no registry, or no champion in it.

    Raises LookupError as `registered`.
    """
    if not _is_there(store):
        return None
    client = store.client()
    try:
        version = client.get_model_version_by_alias(model, CHAMPION)
    except MlflowException:
        return None
    return _fetched(client, version)


def registered(store: Store, model: str, version: str) -> Champion:
    """A version as it would be champion. Raises LookupError where it, its hash or its artefact is not there."""
    try:
        if not _is_there(store):
            raise LookupError(f"no version {version} of {model} is registered in {store.uri}")
        client = store.client()
        found = client.get_model_version(model, version)
    except MlflowException as unknown:
        raise LookupError(f"no version {version} of {model} is registered in {store.uri}") from unknown
    return _fetched(client, found)


def make_champion_of_run(store: Store, model: str, run_id: str) -> str:
    """Makes the version that a run registered the champion; returns its number. Raises LookupError where there is none."""
    wrong = f"no version of {model} of run {run_id} is registered in {store.uri}, or it does not answer"
    try:
        made = store.client().search_model_versions(f"run_id='{run_id}'") if _is_there(store) else []
    except MlflowException as unknown:
        raise LookupError(wrong) from unknown
    version = next((str(each.version) for each in made if each.name == model), None)
    if version is None:
        raise LookupError(wrong)
    make_champion(store, model, version)
    return version


def make_champion(store: Store, model: str, version: str) -> None:
    """Makes a registered version the champion. Raises LookupError where the registry has no such version."""
    try:
        store.client().set_registered_model_alias(model, CHAMPION, version)
    except MlflowException as unknown:
        raise LookupError(f"no version {version} of {model} is registered in {store.uri}") from unknown


def _is_there(store: Store) -> bool:
    return store.database is None or store.database.exists()


def _fetched(client: MlflowClient, version: Any) -> Champion:
    named = f"version {version.version} of {version.name}"
    if "sha256" not in version.tags:
        raise LookupError(f"{named} has no tag sha256: training did not register it")
    source = urlparse(str(version.source))
    try:
        if source.scheme in ("", "file"):
            packed = Path(unquote(source.path)).read_bytes()
        else:
            with TemporaryDirectory() as folder:
                name = PurePosixPath(source.path).name
                packed = Path(client.download_artifacts(str(version.run_id), name, folder)).read_bytes()
    except (OSError, MlflowException) as missing:
        raise LookupError(f"the artefact of {named} is not at {version.source}") from missing
    return Champion(packed, str(version.tags["sha256"]), str(version.run_id))


class Tracking:
    """One run; of a SQLite store its files lie in a folder beside it."""

    def __init__(self, store: Store, model: str) -> None:
        files = None
        if store.database is not None:
            store.database.parent.mkdir(parents=True, exist_ok=True)
            files = (store.database.parent / "artifacts").absolute().as_uri()
        self.model = model
        self._client = store.client()
        name = store.experiment(model)
        experiment = self._client.get_experiment_by_name(name)
        number = (
            experiment.experiment_id
            if experiment
            else self._client.create_experiment(name, artifact_location=files)
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

    def keep(self, file: Path) -> str:
        """Puts a file to the run's; returns its URI."""
        self._client.log_artifact(self.run_id, str(file))
        return f"{self._client.get_run(self.run_id).info.artifact_uri}/{file.name}"

    def register(self, source: str, sha256: str, *, champion: bool) -> str:
        """Registers the artefact at a URI as a new version, which is returned, and ends the run."""
        try:
            self._client.create_registered_model(self.model)
        except MlflowException:  # it is there from an earlier run
            self._client.get_registered_model(self.model)
        made = self._client.create_model_version(self.model, source, self.run_id, tags={"sha256": sha256})
        if champion:
            self._client.set_registered_model_alias(self.model, CHAMPION, made.version)
        self._client.set_terminated(self.run_id)
        return str(made.version)

    def end(self, status: str) -> None:
        """Ends the run as FINISHED or FAILED, where the store still answers."""
        with suppress(MlflowException):
            self._client.set_terminated(self.run_id, status)
