"""Checkpoints and partition ownership of the Event Hubs trigger, as blobs in the layout of the Functions extension.

Container `azure-webjobs-eventhub`, blobs `<namespace>/<hub>/<group>/checkpoint/<partition>` (metadata `offset`,
`sequencenumber`, `clientidentifier`) and `…/ownership/<partition>` (metadata `ownerid`), all lower case and without
content: azure-sdk-for-net `BlobCheckpointStoreInternal.cs`, container name in `EventHubOptions.LeaseContainerName`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.host.leases import Ownership

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient, ContainerClient

CONTAINER = "azure-webjobs-eventhub"


def blob_service(connection_string: str) -> BlobServiceClient:
    """A client that gives up soon: whoever calls it tries again by itself."""
    from azure.storage.blob import BlobServiceClient

    return BlobServiceClient.from_connection_string(
        connection_string,
        retry_total=1,
        initial_backoff=1,
        increment_base=1,
        connection_timeout=5,
        read_timeout=20,
    )


def ensure_container(service: BlobServiceClient, name: str) -> ContainerClient:
    """The container, made if it is not there."""
    from azure.core.exceptions import ResourceExistsError

    container = service.get_container_client(name)
    try:
        container.create_container()
    except ResourceExistsError:
        pass
    return container


class BlobCheckpoints:
    """The last sequence number done, for each partition of one hub and consumer group."""

    def __init__(self, container: ContainerClient, prefix: str, me: str) -> None:
        self._container = container
        self._prefix = prefix.lower()
        self._me = me

    def _name(self, partition: str) -> str:
        return f"{self._prefix}/checkpoint/{partition}"

    def read(self, partition: str) -> int | None:
        """The sequence number of the last event done, None before the first checkpoint."""
        from azure.core.exceptions import ResourceNotFoundError

        try:
            metadata = (
                self._container.get_blob_client(self._name(partition)).get_blob_properties().metadata or {}
            )
        except ResourceNotFoundError:
            return None
        sequence = {name.lower(): value for name, value in metadata.items()}.get("sequencenumber", "")
        return int(sequence) if sequence.lstrip("-").isdigit() else None

    def write(self, partition: str, sequence: int, offset: str) -> None:
        """Move the checkpoint, unconditionally, as the extension does: after a rebalance it may go back."""
        from azure.core.exceptions import ResourceNotFoundError

        metadata = {"sequencenumber": str(sequence), "offset": offset, "clientidentifier": self._me}
        blob = self._container.get_blob_client(self._name(partition))
        try:
            blob.set_blob_metadata(metadata)
        except ResourceNotFoundError:
            blob.upload_blob(b"", overwrite=True, metadata=metadata)


class BlobOwnership:
    """Partition ownership by conditional writes: an ETag mismatch means that another host was first."""

    def __init__(self, container: ContainerClient, prefix: str, me: str, partitions: Collection[str]) -> None:
        self._container = container
        self._prefix = f"{prefix.lower()}/ownership/"
        self._me = me
        self._partitions = partitions
        self._versions: dict[str, str] = {}

    def parts(self) -> Collection[str]:
        return self._partitions

    def list(self) -> Mapping[str, Ownership]:
        now = datetime.now(UTC)
        records = {}
        for blob in self._container.list_blobs(name_starts_with=self._prefix, include=["metadata"]):
            part = blob.name.removeprefix(self._prefix)
            metadata = {name.lower(): value for name, value in (blob.metadata or {}).items()}
            age_s = (now - blob.last_modified).total_seconds()
            # a listing has the ETag without the quotes that a condition is written with
            version = blob.etag if blob.etag.startswith('"') else f'"{blob.etag}"'
            records[part] = Ownership(part, metadata.get("ownerid", ""), version, age_s)
        return records

    def claim(self, part: str, known: Ownership | None) -> bool:
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError

        blob = self._container.get_blob_client(self._prefix + part)
        metadata = {"ownerid": self._me}
        try:
            if known is None:
                answer = blob.upload_blob(b"", overwrite=False, metadata=metadata)
            else:
                answer = blob.set_blob_metadata(
                    metadata, etag=known.version, match_condition=MatchConditions.IfNotModified
                )
        except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
            return False
        self._versions[part] = str(answer["etag"])
        return True

    def release(self, part: str) -> None:
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

        version = self._versions.pop(part, None)
        if version is None:
            return
        try:
            self._container.get_blob_client(self._prefix + part).set_blob_metadata(
                {"ownerid": ""}, etag=version, match_condition=MatchConditions.IfNotModified
            )
        except (ResourceModifiedError, ResourceNotFoundError):
            return
