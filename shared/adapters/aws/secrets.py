"""Secrets Manager, as far as a function asks it when it starts."""

from __future__ import annotations

from typing import Any

from shared.adapters.aws.errors import translated


class SecretsManager:
    """`client` is boto3's for `secretsmanager`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def read(self, name: str) -> str:
        """The newest version of the secret with a name or ARN. Raises Busy, Unavailable, and Fault where there is none."""
        with translated():
            return str(self._client.get_secret_value(SecretId=name)["SecretString"])
