"""The use cases, made of one set of adapters."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from functools import cached_property, partial
from typing import Final

from shared import names
from shared.bootstrap.adapters import Adapters
from shared.domain.access.scraping import ScrapeAccess
from shared.domain.access.settings import TokenSettings, TrustedIssuer, parse_clients, parse_trusted_issuers
from shared.domain.fhir.admission import ValidationModes, parse_modes
from shared.domain.fhir.page_token import PageTokens
from shared.domain.models.champion import Check
from shared.domain.observability.embedded import EmbeddedMetrics
from shared.domain.observability.meter import ProcessMeter
from shared.domain.onset import risk as onset_risk
from shared.domain.stays import readmission_risk, sepsis_risk
from shared.domain.stays.model_risk import ONSET, READMISSION, SEPSIS
from shared.ports.clock import Clock, Randomness
from shared.ports.jobs import Jobs
from shared.ports.lake import Lake
from shared.ports.live import LiveUpdates
from shared.ports.records import Records
from shared.ports.tokens import TokenVerifier
from shared.posture import broken_rules
from shared.services.alerts import Alerts
from shared.services.assertions import RecordedAssertions
from shared.services.bodies import Bodies
from shared.services.commit_sweep import CommitSweep
from shared.services.dead_letters import STAGES, DeadLetters
from shared.services.fhir.admit import Admission
from shared.services.fhir.conditional import ConditionalCreate
from shared.services.fhir.intents import STAGE as TRANSACTION_STAGE
from shared.services.fhir.intents import Intents
from shared.services.fhir.interactions import Interactions
from shared.services.fhir.search import Search
from shared.services.fhir.transaction import Transactions
from shared.services.fhir.validate import Validation
from shared.services.file_door import FileDoor
from shared.services.health import Health
from shared.services.ingest import Ingest
from shared.services.land_commits import LandCommits
from shared.services.land_predictions import STAGE as PREDICTIONS_STAGE
from shared.services.land_predictions import LandPredictions
from shared.services.landing import Landing
from shared.services.metrics import Metrics
from shared.services.pulse import FRESH, FRESH_BY_THE_MINUTE, REACTIONS, TIMERS, Pulse
from shared.services.reactions import STAGE as READ_STAGE
from shared.services.reactions import Reactions
from shared.services.replay import Redo, Replay
from shared.services.replicate import Replicate
from shared.services.ring_alerts import RingAlerts
from shared.services.risk import Risk
from shared.services.score import ScoreVitals
from shared.services.score_onset import STAGE as ONSET_STAGE
from shared.services.score_onset import ScoreOnset
from shared.services.score_patients import ScorePatients
from shared.services.score_readmission import STAGE as READMISSION_STAGE
from shared.services.score_readmission import ScoreReadmission
from shared.services.score_sepsis import STAGE as SEPSIS_STAGE
from shared.services.score_sepsis import ScoreSepsis
from shared.services.served_models import Models, ServedModels
from shared.services.stream_door import StreamDoor
from shared.services.sweep import Sweep
from shared.services.tokens import TokenEndpoint
from shared.services.watch import Watch
from shared.services.watch_falls import STAGE as FALLS_STAGE
from shared.services.watch_falls import WatchFalls
from shared.settings import AWS, Settings

MODEL_CHECKS: Final[Mapping[str, Check]] = {
    SEPSIS.model: sepsis_risk.checked,
    READMISSION.model: readmission_risk.checked,
    ONSET.model: onset_risk.checked,
}
"""By model, what raises RefusedModel for one whose features this code does not compute."""


class Services:
    """The use cases, made of one set of adapters; each is built when it is first asked for."""

    def __init__(self, settings: Settings, adapters: Adapters, meter: ProcessMeter | None = None) -> None:
        self.settings = settings
        self.adapters = adapters
        self.meter = meter or ProcessMeter()

    @property
    def public_url(self) -> str:
        return self.settings.url

    @property
    def clock(self) -> Clock:
        return self.adapters.clock

    @property
    def randomness(self) -> Randomness:
        return self.adapters.randomness

    @property
    def records(self) -> Records:
        return self.adapters.records

    @property
    def lake(self) -> Lake:
        return self.adapters.lake

    @cached_property
    def bodies(self) -> Bodies:
        return Bodies(self.lake)

    @cached_property
    def intents(self) -> Intents:
        return Intents(self.records, self.bodies, self.clock, self.dead_letters)

    @cached_property
    def interactions(self) -> Interactions:
        a = self.adapters
        return Interactions(
            a.records, self.intents.writer, self.bodies, self.admission, a.clock, a.randomness
        )

    @cached_property
    def modes(self) -> ValidationModes:
        return parse_modes(self.settings.validation_modes)

    @cached_property
    def admission(self) -> Admission:
        return Admission(self.adapters.validator, self.modes, self.meter)

    @cached_property
    def validation(self) -> Validation:
        return Validation(self.adapters.validator, self.interactions)

    @cached_property
    def conditional(self) -> ConditionalCreate:
        a = self.adapters
        writer = self.intents.writer
        return ConditionalCreate(
            a.records, writer, self.interactions, self.admission, self.bodies, self.search.matches
        )

    @cached_property
    def bundles(self) -> Transactions:
        a = self.adapters
        return Transactions(
            a.records,
            self.intents,
            self.interactions,
            self.conditional,
            self.admission,
            self.bodies,
            a.clock,
            a.randomness,
            self.search,
        )

    @cached_property
    def page_tokens(self) -> PageTokens:
        return PageTokens(self.settings.link_key.encode())

    @cached_property
    def search(self) -> Search:
        return Search(self.records, self.bodies, self.page_tokens, self.clock)

    @cached_property
    def dead_letters(self) -> DeadLetters:
        return DeadLetters(self.lake, self.clock, self.meter)

    @cached_property
    def landing(self) -> Landing:
        return Landing(self.lake, self.clock)

    @cached_property
    def ingest(self) -> Ingest:
        replicate = Replicate(self.records, self.intents.writer, self.bodies)
        return Ingest(replicate, self.dead_letters, self.adapters.validator, self.meter, self.modes)

    @cached_property
    def stream_door(self) -> StreamDoor:
        tenants = {hub: self.settings.tenant_of(hub) for hub in names.HUBS}
        streams, source = self.adapters.streams, self.settings.source
        return StreamDoor(self.landing, self.ingest, streams, self.clock, self.meter, tenants, source)

    @cached_property
    def file_door(self) -> FileDoor:
        a = self.adapters
        return FileDoor(
            a.dropped,
            self.landing,
            self.ingest,
            a.records,
            self.dead_letters,
            a.clock,
            self.meter,
            self.settings.source,
        )

    @cached_property
    def land_commits(self) -> LandCommits:
        return LandCommits(self.lake, self.bodies, self.clock, self.meter, self.dead_letters)

    @cached_property
    def commit_sweep(self) -> CommitSweep:
        return CommitSweep(self.lake, self.records, self.land_commits, self.clock, self.meter)

    @cached_property
    def land_predictions(self) -> LandPredictions:
        return LandPredictions(self.lake, self.bodies, self.dead_letters)

    @cached_property
    def score_vitals(self) -> ScoreVitals:
        return ScoreVitals(
            self.records, self.intents.writer, self.bodies, self.clock, self.meter, self.dead_letters
        )

    @cached_property
    def models(self) -> Models:
        return ServedModels(self.lake, self.clock, self.meter, MODEL_CHECKS)

    @cached_property
    def score_sepsis(self) -> ScoreSepsis:
        w = self.intents.writer
        return ScoreSepsis(
            self.records, w, self.bodies, self.clock, self.meter, self.dead_letters, self.models
        )

    @cached_property
    def score_onset(self) -> ScoreOnset:
        w, tenants = self.intents.writer, (self.settings.tenant_of(hub) for hub in names.HUBS)
        every = (self.settings.default_tenant, *tenants)
        return ScoreOnset(
            self.records, w, self.bodies, self.clock, self.meter, self.dead_letters, self.models, every
        )

    @cached_property
    def score_readmission(self) -> ScoreReadmission:
        w = self.intents.writer
        return ScoreReadmission(
            self.records, w, self.bodies, self.clock, self.meter, self.dead_letters, self.models
        )

    @cached_property
    def watch_falls(self) -> WatchFalls:
        return WatchFalls(self.records, self.bodies, self.clock, self.meter, self.dead_letters)

    @cached_property
    def risk(self) -> Risk:
        return Risk(self.records, self.intents.writer, self.bodies, self.clock, self.models)

    @cached_property
    def alerts(self) -> Alerts:
        return Alerts(self.records, self.clock)

    @cached_property
    def sweep(self) -> Sweep:
        return Sweep(
            self.intents,
            self.file_door,
            self.commit_sweep,
            self.score_sepsis,
            self.score_onset,
            self.clock,
            self.meter,
        )

    @cached_property
    def watch(self) -> Watch:
        a = self.adapters
        return Watch(
            a.lake,
            self.landing,
            self.file_door,
            self.land_commits,
            self.intents,
            a.streams,
            a.clock,
            meter=self.meter,
            settings=self.settings,
            stages=(*STAGES, *self._staged_reactions),
            rules=partial(broken_rules, self.settings, os.environ),
        )

    @property
    def jobs(self) -> Jobs:
        return self.adapters.jobs

    @cached_property
    def _staged_reactions(self) -> dict[str, Redo]:
        """By the stage that dead letters name, what runs a reaction again and raises where it fails."""
        return {
            "score": self.score_vitals.redo,
            SEPSIS_STAGE: self.score_sepsis.redo,
            READMISSION_STAGE: self.score_readmission.redo,
            FALLS_STAGE: self.watch_falls.redo,
            "land-commits": self.land_commits.redo,
            "pulse": self.pulse.echo,
            ONSET_STAGE: self.score_onset.redo,
            READ_STAGE: self.reactions.again,
            PREDICTIONS_STAGE: self.land_predictions.redo,
            TRANSACTION_STAGE: self.intents.again,
        }

    @cached_property
    def replay(self) -> Replay:
        return Replay(self.lake, self.records, self.ingest, self.dead_letters, self._staged_reactions)

    @cached_property
    def metrics(self) -> Metrics:
        return Metrics(self.meter, self.records, self.clock, f"{os.getpid()}-{secrets.token_hex(4)}")

    @cached_property
    def embedded(self) -> EmbeddedMetrics:
        """What CloudWatch is told of this process's counts."""
        return EmbeddedMetrics()

    @cached_property
    def reactions(self) -> Reactions:
        return Reactions(
            ScorePatients(self.records, self.meter, self.score_vitals, self.score_sepsis),
            self.score_readmission,
            self.watch_falls,
            self.pulse,
            self.land_commits,
            self.dead_letters,
            self.land_predictions,
            # On AWS a function of its own rings: from inside the network the API cannot be called.
            bell=RingAlerts(self.live, self.clock) if self.live and self.settings.cloud != AWS else None,
        )

    @property
    def live(self) -> LiveUpdates | None:
        """None where there is no service for it."""
        return self.adapters.live

    @cached_property
    def pulse(self) -> Pulse:
        fresh = FRESH_BY_THE_MINUTE if self.settings.cloud == AWS else FRESH
        return Pulse(self.records, self.clock, fresh)

    @cached_property
    def health(self) -> Health:
        a = self.adapters
        asked = names.HUBS if self.settings.streams_asked else ()
        return Health(
            {
                "records": lambda: a.records.read("_platform", "000000000000", "health"),
                "lake": lambda: a.lake.look(names.HEALTH_FILE),
                "landing": lambda: a.dropped.look(names.HEALTH_FILE),
                "timers": partial(self.pulse.require, TIMERS),
                "reactions": partial(self.pulse.require, REACTIONS),
                **{f"stream {hub}": partial(a.streams.generation, hub) for hub in asked},
            }
        )

    # access

    @cached_property
    def scrape_access(self) -> ScrapeAccess:
        return ScrapeAccess(self.settings.metrics_access)

    @cached_property
    def origin_access(self) -> ScrapeAccess:
        """By what the app knows the edge that stands before it."""
        return ScrapeAccess(self.settings.origin_access)

    @cached_property
    def _token_settings(self) -> TokenSettings:
        s = self.settings
        pem = s.token_signing_key or None
        return TokenSettings(s.issuer, s.audience, pem, s.token_clients, s.trusted_issuers)

    @cached_property
    def token_endpoint(self) -> TokenEndpoint | None:
        """None without a configured signing key: the packaged app has no built-in one."""
        settings = self._token_settings
        if settings.signing_key_pem is None:
            return None
        from shared.adapters.tokens.jwt import Es256Signer, JwtSignatures

        return TokenEndpoint(
            settings,
            parse_clients(settings.clients),
            Es256Signer(settings.signing_key_pem),
            JwtSignatures(),
            RecordedAssertions(self.records),
            self.clock,
            self.randomness,
        )

    @cached_property
    def token_verifier(self) -> TokenVerifier:
        from shared.adapters.tokens.jwt import Es256Signer, JwtVerifier

        settings = self._token_settings
        issuers = list(parse_trusted_issuers(settings))
        if settings.signing_key_pem is not None:
            # The app's own key alone decides on its own tokens: the list may have it again, or still the one before.
            issuers = [each for each in issuers if each.issuer != settings.issuer]
            keys = Es256Signer(settings.signing_key_pem).keys
            issuers.append(TrustedIssuer(settings.issuer, settings.audience, keys))
        return JwtVerifier(issuers, self.clock)
