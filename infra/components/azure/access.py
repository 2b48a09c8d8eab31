"""Who signs in: the API as an application of Entra with a role for each kind of user, and the dashboard that asks for it.

https://learn.microsoft.com/entra/identity-platform/howto-add-app-roles-in-apps
"""

from __future__ import annotations

import uuid
from typing import Final

import pulumi
import pulumi_azuread as azuread

from infra.config import StackConfig

_IDS: Final = uuid.UUID("b1c7f3b0-1d7c-4a1e-9f5e-3a2f8a6d4c10")
ROLES: Final = {
    "clinician": "Sees the patients of the own tenant, scores and alerts",
    "administrator": "Sees operations, never a body",
    "executive": "Sees measures and counts",
    "partner": "A system that sends and reads resources",
}
_KINDS: Final = {"partner": "Application"}
USES_API: Final = "fhir"


class Access(pulumi.ComponentResource):
    """Two applications, no password: the dashboard signs in with a code and a proof key, partners with their own keys."""

    def __init__(
        self,
        name: str,
        config: StackConfig,
        dashboard_host: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("galen:azure:Access", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        scope = str(uuid.uuid5(_IDS, f"{config.environment}/{USES_API}"))
        api = _api(name, config, scope, child)
        azuread.ServicePrincipal(
            f"{name}-api-principal", client_id=api.client_id, app_role_assignment_required=True, opts=child
        )
        azuread.Application(
            f"{name}-dashboard",
            display_name=config.name("dashboard"),
            sign_in_audience="AzureADMyOrg",
            prevent_duplicate_names=True,
            single_page_application={
                "redirect_uris": [pulumi.Output.concat("https://", dashboard_host, "/")]
            },
            required_resource_accesses=[
                {
                    "resource_app_id": api.client_id,
                    "resource_accesses": [{"id": scope, "type": "Scope"}],
                }
            ],
            opts=child,
        )
        self.client_id = api.client_id
        self.register_outputs({"client_id": self.client_id})


def _api(name: str, config: StackConfig, scope: str, opts: pulumi.ResourceOptions) -> azuread.Application:
    """What tokens are asked for: one scope for people, a role for each kind of caller."""
    return azuread.Application(
        f"{name}-api",
        display_name=config.name("api"),
        sign_in_audience="AzureADMyOrg",
        prevent_duplicate_names=True,
        api={
            "requested_access_token_version": 2,
            "oauth2_permission_scopes": [
                {
                    "id": scope,
                    "value": USES_API,
                    "type": "User",
                    "enabled": True,
                    "admin_consent_display_name": "Use the API",
                    "admin_consent_description": "Use Galen's API as the signed-in user",
                }
            ],
        },
        app_roles=[
            {
                "id": str(uuid.uuid5(_IDS, f"{config.environment}/{role}")),
                "value": role,
                "display_name": role.capitalize(),
                "description": text,
                "enabled": True,
                "allowed_member_types": [_KINDS.get(role, "User")],
            }
            for role, text in ROLES.items()
        ],
        opts=opts,
    )
