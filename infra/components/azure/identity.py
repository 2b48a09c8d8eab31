"""An identity, and how it is granted what its functions declare they need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import authorization, managedidentity

from functions.needs import Access, Need, Thing
from infra.components.azure.roles import CONDITION_VERSION, Role, role_of, writes_only
from infra.config import Classification, ConfigurationError, StackConfig


@dataclass(frozen=True, slots=True)
class IdentityArgs:
    """Where the identity is made, and what is done under it."""

    config: StackConfig
    resource_group: pulumi.Input[str]
    needs: frozenset[Need]


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
        self._name = name
        self._needs = args.needs
        self._granted: set[Need] = set()
        self.id = self._identity.id
        self.client_id = self._identity.client_id
        self.principal_id = self._identity.principal_id
        self.register_outputs({"id": self.id, "client_id": self.client_id, "principal_id": self.principal_id})

    def needed(self, thing: Thing, name: str) -> list[Need]:
        """What is needed of a thing; asking says that it is granted now."""
        found = sorted(need for need in self._needs if (need.thing, need.name) == (thing, name))
        self._granted.update(found)
        return found

    def permit(self, thing: Thing, name: str, scope: pulumi.Input[str], parent: pulumi.Resource) -> None:
        """Grants what is needed of a thing on its scope: nothing where nothing is needed."""
        needs = self.needed(thing, name)
        for role, condition in held_roles(needs).items():
            words = f"{self._name}-{_words(role, needs)}-{thing}-{name}".replace(" ", "-")
            assign(words, role, scope, self.principal_id, parent, condition)

    def grant(
        self, name: str, role: Role, scope: pulumi.Input[str], parent: pulumi.Resource
    ) -> pulumi.Resource:
        """Gives the identity one role on one scope."""
        return assign(name, role, scope, self.principal_id, parent)

    def check_nothing_is_missing(self) -> None:
        """Raises ConfigurationError where something is needed that the stack does not have."""
        missing = sorted(self._needs - self._granted)
        if missing:
            message = f"{self._name} needs to {missing[0]}, which the stack does not have"
            raise ConfigurationError(message)


def held_roles(needs: Iterable[Need]) -> dict[Role, str]:
    """The roles that answer what is needed of one thing, each with the condition that holds it to the paths written."""
    roles: dict[Role, list[Need]] = {}
    for need in needs:
        role = role_of(need)
        assert isinstance(role, Role), "the records have roles of their own"
        roles.setdefault(role, []).append(need)
    if Role.BLOB_CONTRIBUTOR in roles:
        roles.pop(Role.BLOB_READER, None)  # whoever changes files reads them
    paths = sorted({need.path for need in roles.get(Role.BLOB_CONTRIBUTOR, ())})
    held = writes_only(paths) if paths and all(paths) else ""
    return {role: held if role is Role.BLOB_CONTRIBUTOR else "" for role in roles}


def _words(role: Role, needs: Iterable[Need]) -> str:
    """The widest access for which a role is given."""
    order = list(Access)
    return str(max((need.access for need in needs if role_of(need) is role), key=order.index))


def assign(
    name: str,
    role: Role,
    scope: pulumi.Input[str],
    principal_id: pulumi.Input[str],
    parent: pulumi.Resource,
    condition: str = "",
) -> pulumi.CustomResource:
    """Gives a principal one role on one scope, held by a condition where there is one."""
    return authorization.RoleAssignment(
        name,
        principal_id=principal_id,
        principal_type="ServicePrincipal",
        role_definition_id=role.definition,
        scope=scope,
        condition=condition or None,
        condition_version=CONDITION_VERSION if condition else None,
        opts=pulumi.ResourceOptions(parent=parent),
    )
