"""Who signs in: a user pool with a group for each role, and the dashboard that signs in with a code and a proof key.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-security.html
"""

from __future__ import annotations

from typing import Final

import pulumi
from pulumi_aws import cognito

from infra.components.aws.surroundings import Surroundings
from infra.config import Classification

ROLES: Final = ("clinician", "administrator", "executive")
API: Final = "fhir"


class Users(pulumi.ComponentResource):
    """Only an administrator makes users; every sign-in has a second factor."""

    def __init__(self, name: str, around: Surroundings) -> None:
        super().__init__("galen:aws:Users", name, None, around.opts)
        config = around.config
        child = pulumi.ResourceOptions(parent=self)
        pool = self._pool(name, around)
        for role in ROLES:
            cognito.UserGroup(f"{name}-{role}", user_pool_id=pool.id, name=role, opts=child)
        self._dashboard(name, around, pool)
        cognito.UserPoolDomain(
            f"{name}-domain",
            user_pool_id=pool.id,
            # One name in all of a region: another customer may have the shorter one.
            domain=pulumi.Output.concat(config.name("sign-in"), "-", around.account),
            opts=child,
        )
        self.issuer = pulumi.Output.concat("https://", pool.endpoint)
        self.register_outputs({"issuer": self.issuer})

    def _pool(self, name: str, around: Surroundings) -> cognito.UserPool:
        """Who may sign in, and how hard that is for others."""
        return cognito.UserPool(
            f"{name}-pool",
            mfa_configuration="ON",
            software_token_mfa_configuration={"enabled": True},
            password_policy={
                "minimum_length": 14,
                "require_lowercase": True,
                "require_uppercase": True,
                "require_numbers": True,
                "require_symbols": True,
                "temporary_password_validity_days": 1,
            },
            auto_verified_attributes=["email"],  # who cannot be mailed cannot recover the account
            admin_create_user_config={"allow_admin_create_user_only": True},
            account_recovery_setting={"recovery_mechanisms": [{"name": "verified_email", "priority": 1}]},
            user_pool_tier="PLUS",  # the one with protection against stolen passwords
            user_pool_add_ons={"advanced_security_mode": "ENFORCED"},
            deletion_protection="ACTIVE",
            tags=around.config.tags(Classification.SECRET),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )

    def _dashboard(self, name: str, around: Surroundings, pool: cognito.UserPool) -> None:
        """The one application that signs people in, without a secret, and the scope it asks for."""
        server = cognito.ResourceServer(
            f"{name}-api",
            user_pool_id=pool.id,
            identifier=API,
            name=API,
            scopes=[{"scope_name": "use", "scope_description": "Use the API as the signed-in user"}],
            opts=pulumi.ResourceOptions(parent=self),
        )
        cognito.UserPoolClient(
            f"{name}-dashboard",
            user_pool_id=pool.id,
            generate_secret=False,
            allowed_oauth_flows=["code"],
            allowed_oauth_flows_user_pool_client=True,
            allowed_oauth_scopes=["openid", f"{API}/use"],
            callback_urls=[f"{around.config.url}/dashboard/"],
            supported_identity_providers=["COGNITO"],
            prevent_user_existence_errors="ENABLED",
            enable_token_revocation=True,
            access_token_validity=1,
            refresh_token_validity=1,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[server]),
        )
