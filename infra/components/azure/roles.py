"""Azure's built-in roles that are granted, and which of them answers a need.

Role ids: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

from functions.needs import Access, Need, Thing


class Role(Enum):
    """Roles on data; none of them manages a resource, but for the last, which is for one workspace."""

    BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
    BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
    QUEUE_CONTRIBUTOR = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
    EVENT_HUBS_RECEIVER = "a638d3c7-ab3a-418d-83e6-5f17a39d4fde"
    SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
    CRYPTO_USER = "e147488a-f6f5-4113-8e2d-b22465e65bf6"
    METRICS_PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"
    METRICS_READER = "b0d8363b-8ddd-447d-831f-62ca05bff136"
    WEB_PUBSUB_OWNER = "12cf5a90-567b-43ae-8102-96cf46c7d9b4"
    IMAGE_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
    WORKSPACE_CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
    """Data Factory starts jobs of Databricks under it: Databricks has no narrower role in Azure."""

    @property
    def definition(self) -> str:
        """The role definition's id, the same in every subscription."""
        return f"/providers/Microsoft.Authorization/roleDefinitions/{self.value}"


COSMOS_READER: Final = "00000000-0000-0000-0000-000000000001"
COSMOS_CONTRIBUTOR: Final = "00000000-0000-0000-0000-000000000002"
"""Cosmos DB's own data roles: items, and no more of the account than its metadata."""

_ROLES: Final = {
    (Thing.STREAM, Access.ASK): Role.EVENT_HUBS_RECEIVER,
    (Thing.STREAM, Access.READ): Role.EVENT_HUBS_RECEIVER,
    (Thing.STREAM, Access.RECEIVE): Role.EVENT_HUBS_RECEIVER,
    (Thing.FILES, Access.READ): Role.BLOB_READER,
    # No role of Azure's writes and does not delete; a condition holds it to paths.
    (Thing.FILES, Access.ADD): Role.BLOB_CONTRIBUTOR,
    (Thing.FILES, Access.WRITE): Role.BLOB_CONTRIBUTOR,
    (Thing.FILES, Access.REPLACE): Role.BLOB_CONTRIBUTOR,
    (Thing.SECRET, Access.READ): Role.SECRETS_USER,
    (Thing.TELEMETRY, Access.SEND): Role.METRICS_PUBLISHER,
    (Thing.LIVE_UPDATES, Access.SEND): Role.WEB_PUBSUB_OWNER,
    (Thing.IMAGES, Access.READ): Role.IMAGE_PULL,
}


def role_of(need: Need) -> Role | str:
    """The narrowest role that answers a need; of the records one of Cosmos DB's own. Raises KeyError for no such need."""
    if need.thing is Thing.RECORDS:
        # Who follows the changes also keeps the leases that divide them.
        return COSMOS_READER if need.access is Access.READ else COSMOS_CONTRIBUTOR
    return _ROLES[need.thing, need.access]


CONDITION_VERSION: Final = "2.0"
_BLOBS: Final = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
_CHANGES: Final = ("write", "add/action", "delete", "move/action")
"""What changes a file, of the actions of the contributor."""


def writes_only(paths: Iterable[str]) -> str:
    """The condition that holds a contributor's changes to some paths, stars for anything; what it reads is not held.

    https://learn.microsoft.com/azure/storage/blobs/storage-auth-abac-examples
    """
    another = " AND ".join(f"!(ActionMatches{{'{_BLOBS}/{action}'}})" for action in _CHANGES)
    within = " OR ".join(f"@Resource[{_BLOBS}:path] StringLike '{path}'" for path in paths)
    return f"(({another}) OR ({within}))"
