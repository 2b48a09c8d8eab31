"""SDK clients from settings: by connection string, or by managed identity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from azure.cosmos import ContainerProxy, CosmosClient
from azure.storage.blob import BlobServiceClient, LinearRetry

from shared import names
from shared.adapters.azure.errors import translated
from shared.adapters.azure.partition_hash import keep_hashes
from shared.adapters.azure.transport import transport
from shared.settings import Settings

CONNECT_TIMEOUT_S: Final = 5
READ_TIMEOUT_S: Final = 30
RETRY_AFTER_S: Final = 1


def _credential(settings: Settings) -> Any:
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential(managed_identity_client_id=settings.identity_client_id or None)


def cosmos_client(settings: Settings) -> CosmosClient:
    """A client of the records account, which it asks about itself at once. Raises as the stores do."""
    keep_hashes()
    options: dict[str, Any] = {
        "connection_timeout": CONNECT_TIMEOUT_S,
        "retry_total": 5,
        "transport": transport(),
    }
    with translated():
        if settings.records:
            return CosmosClient.from_connection_string(settings.records, **options)
        return CosmosClient(settings.records_endpoint, _credential(settings), **options)


def records_container(settings: Settings) -> ContainerProxy:
    """The records container, which infrastructure or the local supervisor has made."""
    database = cosmos_client(settings).get_database_client(names.DATABASE)
    return database.get_container_client(names.RECORDS_CONTAINER)


def blob_service(settings: Settings) -> BlobServiceClient:
    """A client of the lake's account, by its blob endpoint."""
    options: dict[str, Any] = {
        "connection_timeout": CONNECT_TIMEOUT_S,
        "read_timeout": READ_TIMEOUT_S,
        # The default waits 15 to 27 seconds before it tries a second time.
        "retry_policy": LinearRetry(backoff=RETRY_AFTER_S, retry_total=3, random_jitter_range=1),
        "transport": transport(),
    }
    if settings.lake:
        return BlobServiceClient.from_connection_string(settings.lake, **options)
    return BlobServiceClient(settings.lake_endpoint, _credential(settings), **options)


def event_hub_consumer(settings: Settings, hub: str) -> Any:
    """A consumer client of one hub, for asking about it."""
    from azure.eventhub import EventHubConsumerClient

    if settings.event_hubs:
        return EventHubConsumerClient.from_connection_string(
            settings.event_hubs, consumer_group=names.CONSUMER_GROUP, eventhub_name=hub
        )
    return EventHubConsumerClient(
        settings.event_hubs_namespace, hub, names.CONSUMER_GROUP, credential=_credential(settings)
    )


_WEB_PUBSUB: Final = "https://webpubsub.azure.com/.default"


def web_pubsub_token(settings: Settings) -> Callable[[], str]:
    """Gives bearer tokens of the managed identity for Web PubSub; kept until they expire. It raises as the stores do."""
    credential = _credential(settings)

    def token() -> str:
        with translated():
            return str(credential.get_token(_WEB_PUBSUB).token)

    return token


_DATABRICKS: Final = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"
"""The id of Azure Databricks in every tenant of Entra."""


def databricks_token(settings: Settings) -> Callable[[], str]:
    """Gives bearer tokens of the managed identity for Azure Databricks; kept until they expire."""
    credential = _credential(settings)
    return lambda: str(credential.get_token(_DATABRICKS).token)
