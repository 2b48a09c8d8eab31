"""A whole API in one process: the real use cases over the memory adapters, and a client that speaks HTTP to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from functions.api.app import create_api
from shared.adapters.memory.clock import MemoryClock, SeededRandomness
from shared.adapters.memory.lake import MemoryLake
from shared.adapters.memory.records import MemoryRecords
from shared.adapters.process.jobs import ProcessJobs
from shared.bootstrap import Adapters, Services
from shared.domain.access.caller import Caller
from shared.domain.access.scopes import parse_scopes
from shared.domain.fhir import json
from shared.domain.fhir.validation.validator import R4Validator
from shared.errors import NotFound, Unavailable
from shared.ports.streams import Positions
from shared.settings import Settings

BASE = "http://galen.test"
ISSUER = "https://galen.example"
SECRET = "correct horse battery staple"
SIGNING_KEY = (
    ec.generate_private_key(ec.SECP256R1())
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)
VITAL_SIGNS = [
    {
        "coding": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                "code": "vital-signs",
            }
        ]
    }
]
CLIENTS = [
    {
        "client_id": "gateway",
        "secret_sha256": sha256(SECRET.encode()).hexdigest(),
        "tenant": "ward",
        "scopes": "system/*.cruds",
    }
]


@dataclass
class AlertList:
    """Alerts in a list; the cursor is the number of those seen."""

    raised: list[dict[str, Any]] = field(default_factory=list)

    @dataclass(frozen=True)
    class Page:
        alerts: list[dict[str, Any]]
        cursor: str

    def since(self, tenant: str, cursor: str | None, limit: int) -> Page:
        start = int(cursor or 0)
        found = self.raised[start : start + limit]
        return self.Page(found, str(start + len(found)))

    def acknowledge(self, caller: Caller, alert_id: str) -> dict[str, Any]:
        for alert in self.raised:
            if alert["id"] == alert_id:
                alert["acknowledged_by"] = caller.client
                return alert
        raise NotFound("No alert of this id.")


@dataclass
class HubsInMemory:
    """The Streams port: hubs that are there, or not."""

    reachable: bool = True

    def generation(self, hub: str) -> str:
        if not self.reachable:
            raise Unavailable
        return "1"

    def positions(self, hub: str) -> Positions:
        return Positions(self.generation(hub), {"0": -1})


class World(Services):
    """The services of the app over memory; alerts are a list that a test fills."""

    def __init__(
        self, *, signing_key: str = SIGNING_KEY, reachable: bool = True, metrics_access: str = "open"
    ) -> None:
        settings = Settings(
            issuer=ISSUER,
            audience="galen",
            token_signing_key=signing_key,
            token_clients=json.encode(CLIENTS),
            link_key="k" * 32,
            metrics_access=metrics_access,
        )
        self.moving_clock = MemoryClock()
        records = MemoryRecords()
        adapters = Adapters(
            records=records,
            lake=MemoryLake(),
            dropped=MemoryLake(),
            streams=HubsInMemory(reachable),
            jobs=ProcessJobs(""),
            validator=R4Validator(best_practice=False),
            clock=self.moving_clock,
            randomness=SeededRandomness(7),
        )
        super().__init__(settings, adapters)
        self.pulse.beat()
        self.pulse.echo(records.changes)
        self.raised: list[dict[str, Any]] = []
        self.alerts = AlertList(self.raised)  # type: ignore[assignment]

    def token(self, scope: str = "system/*.cruds", tenant: str = "ward") -> str:
        """A good token."""
        assert self.token_endpoint
        return self.token_endpoint.issue("gateway", tenant, parse_scopes(scope)).access_token

    def refused(self, status: int, reason: str) -> int:
        """How many requests were refused so."""
        wanted = {"reason": reason, "status": str(status)}
        counted = self.meter.export()["counters"]
        return sum(
            value for name, labels, value in counted if name == "galen_refused_total" and labels == wanted
        )


class Client:
    """One HTTP client with one token (or none)."""

    def __init__(
        self, world: World, scope: str | None = "system/*.cruds", *, tenant: str = "ward", **api: Any
    ) -> None:
        self.world = world
        self.app = create_api(world, **{"poll_s": 0.01, **api})
        self.headers = {"Authorization": f"Bearer {world.token(scope, tenant)}"} if scope is not None else {}

    async def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request on the running loop."""
        headers = {**self.headers, **request.pop("headers", {})}
        body = request.pop("fhir", None)
        if body is not None:
            request["content"] = body if isinstance(body, str | bytes) else json.encode(body)
            headers = {"Content-Type": "application/fhir+json", **headers}
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            return await client.request(method, path, headers=headers, **request)

    def __call__(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request."""
        return asyncio.run(self.send(method, path, **request))


def patient(**more: Any) -> dict[str, Any]:
    """A valid Patient."""
    return {"resourceType": "Patient", "gender": "female", **more}


def observation(
    patient_id: str, *, code: str = "8867-4", at: str = "2026-03-01T10:00:00Z", **more: Any
) -> dict[str, Any]:
    """A valid Observation of a heart rate."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": VITAL_SIGNS,
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/{patient_id}"},
        "effectiveDateTime": at,
        "valueQuantity": {
            "value": 80,
            "unit": "beats/minute",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
        **more,
    }
