"""One platform seen from both sides: records that the service reads, and the lake that the Spark job reads.

Real Synthea patients and made up bad input come by the stream; a day later some of it is corrected, deleted and added to by
HTTP. Silver and bronze are written by the Python engine, whose tables are those of the Spark jobs.
"""

from __future__ import annotations

import gzip
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from local.layout import CHECKOUT
from shared.domain.access.caller import Caller
from shared.domain.features.patient.facts import NAMES, Fact, fact_of_row
from shared.domain.fhir.admission import ValidationModes
from shared.domain.fhir.identity import ResourceKey
from shared.domain.models.artefact import pack
from shared.domain.models.lake_layout import Alias, alias_path, artefact_path
from shared.domain.records import Item
from shared.names import LIVE_PREDICTIONS, TABLES
from shared.services.fact_reader import FactReader
from shared.services.score_writes import assessment_item
from spark.plain.arrow_types import arrow_schema
from spark.plain.build import build
from spark.schemas.bronze import RESOURCES
from spark.transforms.expand_files import RESOURCE, rows_of_files
from spark.transforms.expand_lines import BatchContext
from tests.delivery.world import TENANT, World
from tests.unit.features.patients import condition, encounter, observation, patient, request

PATIENTS = CHECKOUT / "local" / "demo" / "patients.tar.xz"
REAL = "Buster_Hoeger"
"""An adult of whom there is enough and not too much."""
CALLER = Caller("gateway", TENANT, ())


def bundle() -> bytes:
    """One real bundle."""
    with tarfile.open(PATIENTS) as archive:
        name = next(each for each in archive.getnames() if REAL in each)
        file = archive.extractfile(name)
        assert file
        return file.read()


BAD = (
    observation("impossible", 9000),
    observation("unit", 120, unit="mg"),
    observation("other-unit", 6.1, unit="mmol/L", at="2026-01-11T08:00:00Z"),
    observation("twice-1", 99, at="2026-01-12T08:00:00Z"),
    observation("twice-2", 99, at="2026-01-12T08:00:00Z"),
    observation("mistake", 55, at="2026-01-13", status="entered-in-error"),
    observation("nothing", None, at="2026-01-14"),
    observation("ahead", 80, at="2027-01-14"),
    encounter("stay", "IMP", "2026-01-10T08:00:00+02:00", "2026-01-13T08:00:00Z"),
    encounter("ends-first", "IMP", "2026-01-10T08:00:00Z", "2026-01-09T08:00:00Z"),
    condition("diagnosis", "15777000", "2025-06"),
    request("drug", "Lisinopril 10 MG Oral Tablet", "2026-01-13"),
    request("ban", "Metformin", "2026-01-13", doNotPerform=True),
)  # fmt: skip


class FeatureLake:
    """`first` is the instant before the corrections, `second` one after them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.world = World()
        self.world.send(bundle(), patient(), *BAD, {**patient(), "id": "empty"})
        self.first = self._later()
        self._correct()
        self.second = self._later()
        self.world.land_commits.land(self.world.stores.records.changes)
        self._write()

    def _later(self) -> datetime:
        self.world.moving.advance(timedelta(hours=12).total_seconds())
        at = self.world.clock.now().astimezone(UTC)
        self.world.moving.advance(timedelta(hours=12).total_seconds())
        return at

    def _find(self, type_: str, text: str) -> tuple[ResourceKey, dict[str, Any]]:
        """The one resource whose text holds another."""
        found = [item for item in self.world.current(type_) if text in self.world.bodies.text(item)]
        (item,) = found
        return ResourceKey(type_, item["rid"]), self.world.bodies.stored(item).resource

    def _correct(self) -> None:
        """By HTTP: a corrected value, a deleted condition, a new glucose, a patient who was not known before."""
        interactions = self.world.interactions
        key, body = self._find("Observation", '"value":6.1')
        interactions.update(CALLER, key, body | {"valueQuantity": {**body["valueQuantity"], "value": 7.3}})
        interactions.delete(CALLER, self._find("Condition", '"onsetDateTime":"2025-06"')[0])
        new = observation("new", 140, at="2026-03-30T08:00:00Z") | {"subject": body["subject"]}
        interactions.create(CALLER, {name: value for name, value in new.items() if name != "id"})
        interactions.create(CALLER, {"resourceType": "Patient", "gender": "male", "birthDate": "1990"})
        patient_id = body["subject"]["reference"].removeprefix("Patient/")
        at = self.world.clock.now()
        self.live = {**self.world.risk.assess(CALLER, patient_id, "onset", at), "id": "live"}
        self.told = assessment_item(TENANT, "p", self.live, at)

    def _write(self) -> None:
        for file in self.world.lake.list("raw"):
            target = self.root / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.world.lake.read(file.path))
        self._land_live(self.told)
        list(build(self.root, lambda _: []))
        landed = sorted((self.root / "raw").rglob("*.ndjson.gz"))
        context = BatchContext(str(self.root / "raw"), 1, datetime.now(UTC), ValidationModes())
        pairs = ((str(file), file.read_bytes()) for file in landed)
        rows = [row for row in rows_of_files(pairs, context, lambda _: []) if row["kind"] == RESOURCE]
        schema = arrow_schema(RESOURCES)
        table = pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)
        write_deltalake(self.root / TABLES["bronze_resources"], table)

    def _land_live(self, item: Item) -> None:
        """As the change feed does: the file beside the tables."""
        self.world.land_predictions.land([item])
        for file in self.world.lake.list(LIVE_PREDICTIONS):
            target = self.root / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.world.lake.read(file.path))

    def older_version_arrives(self) -> None:
        """In a file of its own comes a version of the live prediction before the one that is there: it said 0.5."""
        (prediction,) = self.live["prediction"]
        before = {**self.live, "prediction": [{**prediction, "probabilityDecimal": 0.5}]}
        self._land_live(assessment_item(TENANT, "p", before, self.first))

    @contextmanager
    def no_stay_ended(self) -> Iterator[None]:
        """Meanwhile silver has Encounters without their ends."""
        encounters = DeltaTable(self.root / TABLES["silver_encounters"])
        before = encounters.version()
        encounters.update({"ended_text": "NULL", "ended_at": "NULL"})
        yield
        encounters.restore(before)

    def publish(self, model: str, **change: object) -> str:
        """Makes the shipped model with some changes the champion in the lake; its SHA-256."""
        shipped = files("shared.domain.models") / "published" / f"{model}.model.json.gz"
        document = json.loads(gzip.decompress(shipped.read_bytes())) | change
        packed = pack(document)
        alias = Alias(model, str(document["version"]), sha256(packed).hexdigest(), "run")
        for path, data in ((artefact_path(model, alias.sha256), packed), (alias_path(model), alias.encode())):
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return alias.sha256

    def patients(self) -> list[str]:
        """The ids of all patients."""
        return sorted(item["rid"] for item in self.world.current("Patient"))

    def served(self, patient_id: str, as_of: datetime) -> list[Fact]:
        """What the service sees."""
        reader = FactReader(self.world.records, self.world.intents.writer, self.world.bodies)
        return reader.read(TENANT, ResourceKey("Patient", patient_id), as_of).facts

    def table(self, name: str) -> list[dict[str, Any]]:
        """The rows of a table that a job wrote."""
        return list(DeltaTable(self.root / TABLES[name]).to_pyarrow_table().to_pylist())


def in_order(facts: list[Fact]) -> list[Fact]:
    """Facts of two roads side by side."""
    return sorted(facts, key=lambda fact: (fact.type, fact.id))


def facts_in(rows: list[dict[str, Any]]) -> list[Fact]:
    """The facts that Spark saw."""
    return in_order([fact_of_row({name: row[name] for name in NAMES}) for row in rows])
