"""The models in service: the champion that was published to the lake, and the last good one where that is wrong.

A process begins with the models that ship with the code and looks once a minute whether an alias has changed. What it
names is read, its hash verified and its features held against this code's; an artefact that is missing, tampered with,
of another model or of other features is refused, counted and named in the log, and what was in service stays. What was
refused is looked at again when its alias is written anew, and every ten minutes: an artefact is repaired beside its alias.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from shared.domain.models.artefact import PublishedModel, RefusedModel, read_model
from shared.domain.models.champion import Check, verified
from shared.domain.models.lake_layout import Alias, alias_path, artefact_path, read_alias
from shared.domain.models.shipped import shipped_model
from shared.errors import Busy, GalenError, NotFound, Unavailable
from shared.ports.clock import Clock
from shared.ports.lake import Lake
from shared.ports.meter import Meter

LOOKED_FOR: Final = timedelta(minutes=1)
"""How long a process goes on with what it has before it looks for another champion."""
REFUSED_FOR: Final = timedelta(minutes=10)
"""How long what was refused is left alone while its alias stays as it is."""
REFUSED: Final = "galen_models_refused_total"
_NOTHING: Final = ("", "")
_log = logging.getLogger(__name__)


class Models(Protocol):
    """Gives models by name."""

    def model(self, name: str) -> PublishedModel:
        """The one to score with."""
        ...

    def published(self, name: str, sha256: str) -> PublishedModel | None:
        """One that was published once, None where it cannot be had or served any more. Raises Busy and Unavailable."""
        ...


@dataclass(slots=True)
class _Served:
    """`seen` is the alias that was served or refused last: its etag, which a store may make of the bytes, and its age."""

    model: PublishedModel
    looked: datetime
    seen: tuple[str, str] = _NOTHING
    refused: datetime | None = None


class ServedModels:
    """Gives the model to score with. `checks` raise RefusedModel for a model that this code cannot serve."""

    def __init__(self, lake: Lake, clock: Clock, meter: Meter, checks: Mapping[str, Check]) -> None:
        self._lake = lake
        self._clock = clock
        self._meter = meter
        self._checks = checks
        self._served: dict[str, _Served] = {}
        self._lock = threading.Lock()

    def model(self, name: str) -> PublishedModel:
        """The champion, or the last good one. Never waits for another thread that is looking."""
        now = self._clock.now()
        served = self._served.get(name)
        if served is not None and now - served.looked < LOOKED_FOR:
            return served.model
        with self._lock:
            served = self._served.get(name)
            if served is None:
                shipped = self._checks[name](shipped_model(name))
                served = self._served[name] = _Served(shipped, now - LOOKED_FOR)
            if now - served.looked >= LOOKED_FOR:
                served.looked = now
                self._look(name, served)
        return served.model

    def published(self, name: str, sha256: str) -> PublishedModel | None:
        """One that shipped, is in service or lies in the lake. Raises Busy and Unavailable."""
        for known in (shipped_model(name), self.model(name)):
            if known.sha256 == sha256:
                return known
        try:
            model = read_model(self._lake.read(artefact_path(name, sha256)), sha256)
            return self._checks[name](model) if model.name == name else None
        except (RefusedModel, NotFound):
            return None

    def _look(self, name: str, served: _Served) -> None:
        seen = _NOTHING
        try:
            file = self._lake.look(alias_path(name))
            if file is None:
                return
            seen = (file.etag, file.modified_at)
            if seen == served.seen and not self._is_to_be_tried_again(served):
                return
            alias = read_alias(self._lake.read(alias_path(name)), name)
            if alias.sha256 != served.model.sha256:
                packed = self._lake.read(artefact_path(name, alias.sha256))
                served.model = verified(packed, alias, self._checks[name])
            served.seen, served.refused = seen, None
        except (Busy, Unavailable):  # looked for again in a minute
            return
        except (RefusedModel, NotFound) as refused:
            served.seen, served.refused = seen, served.looked
            self._meter.count(REFUSED, model=name)
            _log.error("the champion of the model %s is refused, the last good one stays: %s", name, refused)
        except GalenError as failure:
            self._meter.count(REFUSED, model=name)
            _log.error("the champion of the model %s cannot be read: %s", name, type(failure).__name__)

    @staticmethod
    def _is_to_be_tried_again(served: _Served) -> bool:
        return served.refused is not None and served.looked - served.refused >= REFUSED_FOR


def publish_champion(lake: Lake, packed: bytes, alias: Alias) -> PublishedModel:
    """Writes an artefact to the lake and makes it the champion. Raises RefusedModel, and then writes nothing."""
    model = read_model(packed, alias.sha256)
    if (model.name, model.version) != (alias.model, alias.version):
        raise RefusedModel("the artefact is not the one that its registration names")
    path = artefact_path(alias.model, alias.sha256)
    if not lake.put_if_absent(path, packed) and lake.read(path) != packed:
        lake.put(path, packed)  # what lay there was damaged: its name is its hash
    lake.put(alias_path(alias.model), alias.encode())
    return model
