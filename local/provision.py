"""Makes what infra/ makes on Azure, in the emulators: the database, its containers and the file systems.

Connections come from the settings of shared/names, as the app's own do; what exists already is left as it is.
"""

from __future__ import annotations

import os

from azure.core.exceptions import ResourceExistsError
from azure.cosmos import CosmosClient, PartitionKey
from azure.storage.blob import BlobServiceClient

from shared import names

_FILE_SYSTEMS = (names.LANDING_FILE_SYSTEM, names.LAKE_FILE_SYSTEM, names.CHECKPOINTS_CONTAINER)


def provision_records(connection: str) -> None:
    """The database with the containers for records and leases."""
    with CosmosClient.from_connection_string(connection) as client:
        database = client.create_database_if_not_exists(names.DATABASE)
        records = PartitionKey(list(names.RECORDS_PARTITION_KEY), kind="MultiHash")
        database.create_container_if_not_exists(
            names.RECORDS_CONTAINER, records, indexing_policy=names.RECORDS_INDEXING_POLICY, default_ttl=-1
        )
        (leases_path,) = names.LEASES_PARTITION_KEY
        database.create_container_if_not_exists(names.LEASES_CONTAINER, PartitionKey(leases_path))


def provision_lake(connection: str) -> None:
    """The file systems, which are containers to the blob endpoint."""
    with BlobServiceClient.from_connection_string(connection) as client:
        for name in _FILE_SYSTEMS:
            try:
                client.create_container(name)
            except ResourceExistsError:
                continue


if __name__ == "__main__":
    provision_records(os.environ[names.RECORDS_CONNECTION])
    provision_lake(os.environ[names.LAKE_CONNECTION])
