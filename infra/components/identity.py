"""The identity the app runs under, and how a right is granted to it.

Role ids: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import pulumi
from pulumi_azure_native import authorization, managedidentity

from infra.config import Classification, StackConfig


class Role(Enum):
    """Azure's built-in data roles that the app is granted; none of them manages a resource."""

    BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
    BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
    QUEUE_CONTRIBUTOR = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
    EVENT_HUBS_RECEIVER = "a638d3c7-ab3a-418d-83e6-5f17a39d4fde"
    SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
    METRICS_PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"

    @property
    def definition(self) -> str:
        """The role definition's id, the same in every subscription."""
        return f"/providers/Microsoft.Authorization/roleDefinitions/{self.value}"


@dataclass(frozen=True, slots=True)
class IdentityArgs:
    """Where the identity is made."""

    config: StackConfig
    resource_group: pulumi.Input[str]


class Identity(pulumi.ComponentResource):
    """A user-assigned identity: it and its rights exist before the app that runs under it starts."""

    def __init__(self, name: str, args: IdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("galen:azure:Identity", name, None, opts)
        self._identity = managedidentity.UserAssignedIdentity(
            f"{name}-identity",
            resource_group_name=args.resource_group,
            location=args.config.location,
            tags=args.config.tags(Classification.OPERATIONAL),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.id = self._identity.id
        self.client_id = self._identity.client_id
        self.principal_id = self._identity.principal_id
        self.register_outputs({"id": self.id, "client_id": self.client_id, "principal_id": self.principal_id})

    def grant(
        self, name: str, role: Role, scope: pulumi.Input[str], parent: pulumi.Resource
    ) -> pulumi.Resource:
        """Gives the identity one role on one scope."""
        return authorization.RoleAssignment(
            name,
            principal_id=self.principal_id,
            principal_type="ServicePrincipal",
            role_definition_id=role.definition,
            scope=scope,
            opts=pulumi.ResourceOptions(parent=parent),
        )
