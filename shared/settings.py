"""Every setting of the app, read from the environment once: each with its default and unit. A missing one is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from shared import names
from shared.domain.access.scraping import CLOSED, OPEN, ScrapeAccess
from shared.domain.fhir import json
from shared.domain.fhir.admission import parse_modes
from shared.domain.fhir.identity import is_valid_tenant
from shared.errors import InputError

PREFIX: Final = "GALEN_"
OF_THE_OPERATOR: Final = tuple(
    f"{PREFIX}{name}"
    for name in ("DEFAULT_TENANT", "HUB_TENANTS", "SOURCE", "TRUSTED_ISSUERS", "VALIDATION_MODES")
)
"""What an operator chooses; all else says where the stores are and how to reach them."""
LOCAL_URL: Final = "http://127.0.0.1:7071"
AZURE: Final = "azure"
AWS: Final = "aws"


class SettingsError(Exception):
    """A setting is missing or cannot be read; the text names it and says what is expected."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration of one process.

    A connection is a connection string in `GALEN_X`, or (with a managed identity) an address in the setting named beside
    it, as the bindings of Azure Functions read them. On AWS things are found by name, with the SDK's own settings.
    """

    cloud: str = AZURE  # GALEN_CLOUD: azure or aws; where it is not set, what is present decides
    records: str = ""  # GALEN_RECORDS, or GALEN_RECORDS__accountEndpoint
    records_endpoint: str = ""
    lake: str = ""  # GALEN_LAKE, or GALEN_LAKE__blobServiceUri
    lake_endpoint: str = ""
    event_hubs: str = ""  # GALEN_EVENT_HUBS, or GALEN_EVENT_HUBS__fullyQualifiedNamespace
    event_hubs_namespace: str = ""
    identity_client_id: str = ""  # AZURE_CLIENT_ID of a user-assigned identity
    region: str = ""  # AWS_REGION, which Lambda sets
    endpoint: str = ""  # AWS_ENDPOINT_URL: instead of AWS's own, an emulator
    table: str = ""  # GALEN_TABLE: the DynamoDB table of the records
    lake_bucket: str = ""  # GALEN_LAKE_BUCKET
    landing_bucket: str = ""  # GALEN_LANDING_BUCKET
    streams: Mapping[str, str] = field(default_factory=dict)  # GALEN_STREAMS: JSON, hub → Kinesis stream
    url: str = ""  # GALEN_URL: the base that partners see and links have; empty: as each request reached it
    issuer: str = ""  # GALEN_TOKEN_ISSUER, by default the url, or http://127.0.0.1:7071
    audience: str = ""  # GALEN_TOKEN_AUDIENCE, by default the same and /fhir
    token_signing_key: str = field(default="", repr=False)  # GALEN_TOKEN_SIGNING_KEY: PEM, EC P-256
    token_clients: str = field(default="[]", repr=False)  # GALEN_TOKEN_CLIENTS: JSON
    trusted_issuers: str = "[]"  # GALEN_TRUSTED_ISSUERS: JSON
    link_key: str = field(default="", repr=False)  # GALEN_LINK_KEY: at least 32 characters, signs page links
    default_tenant: str = "default"  # GALEN_DEFAULT_TENANT: the hubs' tenant where none is named
    hub_tenants: Mapping[str, str] = field(default_factory=dict)  # GALEN_HUB_TENANTS: JSON, hub → tenant
    # GALEN_VALIDATION_MODES: JSON, door or tenant/door → reject, quarantine or warn
    validation_modes: Mapping[str, str] = field(default_factory=dict)
    jobs_command: str = (
        ""  # GALEN_JOBS_COMMAND: starts a Spark job whose name is added; empty: none is started
    )
    jobs_databricks: str = ""  # GALEN_JOBS_DATABRICKS: the address of a workspace that has the jobs
    jobs_token: str = field(
        default="", repr=False
    )  # GALEN_JOBS_TOKEN: of the workspace; empty: the managed identity
    # GALEN_JOBS_EMR: JSON: region, application, role, entry, lake; parameters and endpoint where they are needed
    jobs_emr: Mapping[str, str] = field(default_factory=dict)
    metrics_access: str = CLOSED  # GALEN_METRICS_ACCESS: closed, open, or the SHA-256 of the scraper's token
    origin_access: str = OPEN  # GALEN_ORIGIN_ACCESS: open, or the SHA-256 of what the edge shows, on AWS
    streams_asked: bool = True  # GALEN_STREAMS_ASKED: true or false, whether /health asks the streams
    live_url: str = ""  # GALEN_LIVE_URL: of the service of live updates; empty: there is none
    source: str = "default"  # GALEN_SOURCE: the logical sending system of streams and files

    def tenant_of(self, hub: str) -> str:
        """The tenant a hub belongs to."""
        return self.hub_tenants.get(hub, self.default_tenant)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings in an environment. Raises SettingsError."""

    def get(name: str, default: str = "") -> str:
        return environment.get(f"{PREFIX}{name}", default) or default

    url = get("URL").rstrip("/")
    base = url or LOCAL_URL
    settings = Settings(
        cloud=get("CLOUD") or _present(environment),
        records=environment.get(names.RECORDS_CONNECTION, ""),
        records_endpoint=environment.get(f"{names.RECORDS_CONNECTION}__accountEndpoint", ""),
        lake=environment.get(names.LAKE_CONNECTION, ""),
        lake_endpoint=environment.get(f"{names.LAKE_CONNECTION}__blobServiceUri", ""),
        event_hubs=environment.get(names.EVENT_HUBS_CONNECTION, ""),
        event_hubs_namespace=environment.get(f"{names.EVENT_HUBS_CONNECTION}__fullyQualifiedNamespace", ""),
        identity_client_id=environment.get("AZURE_CLIENT_ID", ""),
        region=environment.get("AWS_REGION", ""),
        endpoint=environment.get("AWS_ENDPOINT_URL", ""),
        table=get("TABLE"),
        lake_bucket=get("LAKE_BUCKET"),
        landing_bucket=get("LANDING_BUCKET"),
        streams=_mapping("STREAMS", get("STREAMS", "{}"), "hub → Kinesis stream"),
        url=url,
        issuer=get("TOKEN_ISSUER", base),
        audience=get("TOKEN_AUDIENCE", f"{base}/fhir"),
        token_signing_key=get("TOKEN_SIGNING_KEY").replace("\\n", "\n"),
        token_clients=get("TOKEN_CLIENTS", "[]"),
        trusted_issuers=get("TRUSTED_ISSUERS", "[]"),
        link_key=get("LINK_KEY"),
        default_tenant=get("DEFAULT_TENANT", "default"),
        hub_tenants=_mapping("HUB_TENANTS", get("HUB_TENANTS", "{}"), "hub → tenant"),
        validation_modes=_mapping("VALIDATION_MODES", get("VALIDATION_MODES", "{}"), "door → mode"),
        jobs_command=get("JOBS_COMMAND"),
        jobs_databricks=get("JOBS_DATABRICKS").rstrip("/"),
        jobs_token=get("JOBS_TOKEN"),
        jobs_emr=_mapping("JOBS_EMR", get("JOBS_EMR", "{}"), "what an EMR Serverless application needs"),
        metrics_access=get("METRICS_ACCESS", CLOSED),
        origin_access=get("ORIGIN_ACCESS", OPEN),
        streams_asked=_flag("STREAMS_ASKED", get("STREAMS_ASKED", "true")),
        live_url=get("LIVE_URL").rstrip("/"),
        source=get("SOURCE", "default"),
    )
    _check(settings)
    return settings


def _mapping(name: str, text: str, meaning: str) -> dict[str, str]:
    try:
        found = json.decode_object(text)
    except InputError:
        raise SettingsError(f"{PREFIX}{name} must be a JSON object: {meaning}") from None
    return {key: str(value) for key, value in found.items()}


def _flag(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise SettingsError(f"{PREFIX}{name} is true or false")
    return text == "true"


def _present(environment: Mapping[str, str]) -> str:
    """The cloud whose records are named; where both are or none is, Azure."""
    azure = any(
        environment.get(name)
        for name in (names.RECORDS_CONNECTION, f"{names.RECORDS_CONNECTION}__accountEndpoint")
    )
    return AWS if environment.get(f"{PREFIX}TABLE") and not azure else AZURE


def _check_azure(settings: Settings) -> None:
    pairs = (
        (names.RECORDS_CONNECTION, settings.records, settings.records_endpoint, "accountEndpoint"),
        (names.LAKE_CONNECTION, settings.lake, settings.lake_endpoint, "blobServiceUri"),
        (
            names.EVENT_HUBS_CONNECTION,
            settings.event_hubs,
            settings.event_hubs_namespace,
            "fullyQualifiedNamespace",
        ),
    )
    for name, connection, address, suffix in pairs:
        if not connection and not address:
            raise SettingsError(f"{name} is missing: a connection string, or an address in {name}__{suffix}")


def _check_aws(settings: Settings) -> None:
    named = (
        ("AWS_REGION", settings.region, "the region of the stores"),
        (f"{PREFIX}TABLE", settings.table, "the DynamoDB table of the records"),
        (f"{PREFIX}LAKE_BUCKET", settings.lake_bucket, "the bucket of the lake"),
        (f"{PREFIX}LANDING_BUCKET", settings.landing_bucket, "the bucket that files are dropped in"),
    )
    for name, value, meaning in named:
        if not value:
            raise SettingsError(f"{name} is missing: {meaning}")
    if absent := [hub for hub in names.HUBS if not settings.streams.get(hub)]:
        raise SettingsError(f"{PREFIX}STREAMS names no Kinesis stream for {', '.join(absent)}")


_STORES: Final = {AZURE: _check_azure, AWS: _check_aws}


def _check(settings: Settings) -> None:
    if settings.cloud not in _STORES:
        raise SettingsError(f"{PREFIX}CLOUD is {' or '.join(_STORES)}")
    _STORES[settings.cloud](settings)
    for tenant in (settings.default_tenant, *settings.hub_tenants.values()):
        if not is_valid_tenant(tenant):
            raise SettingsError("A tenant is lower-case letters, digits and inner hyphens, at most 64")
    try:
        ScrapeAccess(settings.metrics_access)
    except ValueError as wrong:
        raise SettingsError(f"GALEN_METRICS_ACCESS is {wrong}") from None
    try:
        ScrapeAccess(settings.origin_access)
    except ValueError as wrong:
        raise SettingsError(f"GALEN_ORIGIN_ACCESS is {wrong}") from None
    try:
        parse_modes(settings.validation_modes)
    except ValueError as wrong:
        raise SettingsError(f"GALEN_VALIDATION_MODES: {wrong}") from None
    _check_jobs(settings)
    _check_live(settings)
    if len(settings.link_key) < 32:
        raise SettingsError(
            "GALEN_LINK_KEY is missing or shorter than 32 characters: it signs the links between pages"
        )


_LIVE_SCHEMES: Final = {AZURE: ("https", "http"), AWS: ("wss", "ws")}
"""Of Web PubSub the service's address is named, of API Gateway the one that clients open."""


def _check_live(settings: Settings) -> None:
    safe, here = _LIVE_SCHEMES[settings.cloud]
    if settings.live_url and not settings.live_url.startswith((f"{safe}://", f"{here}://127.0.0.1")):
        raise SettingsError(f"GALEN_LIVE_URL is the address of live updates and begins with {safe}://")


_EMR_REQUIRED: Final = ("region", "application", "role", "entry", "lake")
_EMR_OPTIONAL: Final = ("parameters", "endpoint")


def _check_jobs(settings: Settings) -> None:
    places = [bool(settings.jobs_command), bool(settings.jobs_databricks), bool(settings.jobs_emr)]
    if sum(places) > 1:
        raise SettingsError(
            "Only one of GALEN_JOBS_COMMAND, GALEN_JOBS_DATABRICKS and GALEN_JOBS_EMR can be set"
        )
    if settings.jobs_databricks and not settings.jobs_databricks.startswith(("https://", "http://127.0.0.1")):
        raise SettingsError("GALEN_JOBS_DATABRICKS is the address of a workspace and begins with https://")
    if settings.jobs_emr:
        missing = [name for name in _EMR_REQUIRED if not settings.jobs_emr.get(name)]
        unknown = sorted(set(settings.jobs_emr) - {*_EMR_REQUIRED, *_EMR_OPTIONAL})
        if missing or unknown:
            told = [
                *(f"{name} is missing" for name in missing),
                *(f"{name} is not known" for name in unknown),
            ]
            raise SettingsError(f"GALEN_JOBS_EMR: {', '.join(told)}")
