"""The secrets. The program makes them empty; what is in them never passes through Pulumi or its state."""

from __future__ import annotations

from typing import Final

import pulumi
from pulumi_aws import secretsmanager

from infra.components.aws.surroundings import Surroundings
from infra.config import Classification
from shared.names import SECRET_LINK_KEY, SECRET_TOKEN_CLIENTS, SECRET_TOKEN_SIGNING_KEY

RECOVERABLE_DAYS: Final = 30
NAMES: Final = (SECRET_TOKEN_SIGNING_KEY, SECRET_TOKEN_CLIENTS, SECRET_LINK_KEY)


class Secrets(pulumi.ComponentResource):
    """Each by its name; one that was deleted can be restored for a month."""

    def __init__(self, name: str, around: Surroundings) -> None:
        super().__init__("galen:aws:Secrets", name, None, around.opts)
        self.key = around.keys.of("secrets")
        self.arns = {
            secret: secretsmanager.Secret(
                f"{name}-{secret}",
                kms_key_id=self.key,
                recovery_window_in_days=RECOVERABLE_DAYS,
                tags=around.config.tags(Classification.SECRET),
                opts=pulumi.ResourceOptions(parent=self, protect=True),
            ).arn
            for secret in NAMES
        }
        self.register_outputs(dict(self.arns))
