"""What the API needs of the rest: the faces of the use cases, and what goes in and out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from shared.domain.access.caller import Caller
from shared.domain.access.scraping import ScrapeAccess
from shared.domain.fhir.identity import ResourceKey
from shared.domain.fhir.page_token import PageTokens
from shared.domain.observability.prometheus import Sample
from shared.domain.records import StoredResource
from shared.ports.clock import Clock, Randomness
from shared.ports.live import LiveUpdates
from shared.ports.meter import Meter
from shared.ports.tokens import TokenVerifier
from shared.services.fhir.search import Searchset
from shared.services.fhir.validate import Asked
from shared.services.tokens import TokenEndpoint


class WrittenVersion(Protocol):
    """HTTP status 200 or 201, and the version that is current now."""

    @property
    def status(self) -> int: ...
    @property
    def stored(self) -> StoredResource: ...


class Versions(Protocol):
    """Versions, newest first, where the next page goes on, and which versions brought the resource into being."""

    @property
    def entries(self) -> list[StoredResource]: ...
    @property
    def next(self) -> str | None: ...
    @property
    def created(self) -> frozenset[str]: ...


class RaisedAlerts(Protocol):
    """Alerts in order of raising, and the position after the last one."""

    @property
    def alerts(self) -> list[dict[str, Any]]: ...
    @property
    def cursor(self) -> str: ...


class Interactions(Protocol):
    """The FHIR interactions on one resource."""

    def read(self, tenant: str, key: ResourceKey) -> StoredResource: ...
    def vread(self, tenant: str, key: ResourceKey, version: str) -> StoredResource: ...
    def history(self, tenant: str, key: ResourceKey, *, count: int, after: str | None) -> Versions: ...
    def create(self, caller: Caller, resource: dict[str, Any]) -> WrittenVersion: ...
    def update(
        self,
        caller: Caller,
        key: ResourceKey,
        resource: dict[str, Any],
        *,
        if_match: str | None,
        create_only: bool,
    ) -> WrittenVersion: ...
    def delete(self, caller: Caller, key: ResourceKey, *, if_match: str | None) -> StoredResource | None: ...


class ConditionalCreates(Protocol):
    """Create unless something matches."""

    def create(self, caller: Caller, resource: dict[str, Any], criteria: str) -> WrittenVersion: ...


class Bundles(Protocol):
    """Transactions and batches; `authorise(type, interaction)` raises Forbidden and is called entry by entry."""

    def bundle(
        self, caller: Caller, bundle: dict[str, Any], authorise: Callable[[str, str], None]
    ) -> dict[str, Any]: ...


class Searches(Protocol):
    """Search one type."""

    def run(
        self,
        caller: Caller,
        type_: str,
        parameters: Sequence[tuple[str, str]],
        *,
        base_url: str,
        strict: bool = True,
    ) -> Searchset: ...


class Validations(Protocol):
    """Answers $validate with an OperationOutcome."""

    def run(self, caller: Caller, asked: Asked) -> dict[str, Any]: ...


class RiskScores(Protocol):
    """Scores a patient now."""

    def assess(
        self, caller: Caller, patient_id: str, model: str | None, as_of: datetime | None = None
    ) -> dict[str, Any]: ...


class Alerts(Protocol):
    """Reads and acknowledges alerts."""

    def since(self, tenant: str, cursor: str | None, limit: int) -> RaisedAlerts: ...
    def acknowledge(self, caller: Caller, alert_id: str) -> dict[str, Any]: ...


class Health(Protocol):
    """Name of a dependency → `status` (`ok` or `unavailable`), `detail`, `latency_ms`."""

    def check(self) -> Mapping[str, Mapping[str, Any]]: ...


class Metrics(Protocol):
    """Shows what was counted, by every process."""

    def snapshot(self) -> list[Sample]: ...


class ApiServices(Protocol):
    """Everything the API is made of. Without a signing key there is no `token_endpoint`, without a service no `live`."""

    @property
    def public_url(self) -> str:
        """Where partners reach this server, without a slash at the end; empty: wherever a request reached it."""
        ...

    @property
    def interactions(self) -> Interactions: ...
    @property
    def conditional(self) -> ConditionalCreates: ...
    @property
    def bundles(self) -> Bundles: ...
    @property
    def search(self) -> Searches: ...
    @property
    def validation(self) -> Validations: ...
    @property
    def risk(self) -> RiskScores: ...
    @property
    def alerts(self) -> Alerts: ...
    @property
    def live(self) -> LiveUpdates | None: ...
    @property
    def health(self) -> Health: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def meter(self) -> Meter: ...
    @property
    def scrape_access(self) -> ScrapeAccess: ...
    @property
    def token_verifier(self) -> TokenVerifier: ...
    @property
    def token_endpoint(self) -> TokenEndpoint | None: ...
    @property
    def page_tokens(self) -> PageTokens: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def randomness(self) -> Randomness: ...
