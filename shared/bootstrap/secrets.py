"""Settings that are kept in Secrets Manager: on Lambda a function reads them itself, on Azure the platform has done it."""

from __future__ import annotations

from collections.abc import Mapping

from shared.names import SECRET_SETTINGS, secret_variable


def with_secrets(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The environment, with the settings that are named as secrets; what is set itself is not asked for.

    Raises Busy and Unavailable.
    """
    asked = {
        setting: environment[secret_variable(secret)]
        for secret, setting in SECRET_SETTINGS.items()
        if environment.get(secret_variable(secret)) and not environment.get(setting)
    }
    if not asked:
        return environment
    from shared.adapters.aws.connections import AwsPlace, client
    from shared.adapters.aws.secrets import SecretsManager

    place = AwsPlace(environment.get("AWS_REGION", ""), environment.get("AWS_ENDPOINT_URL", ""))
    vault = SecretsManager(client("secretsmanager", place))
    return {**environment, **{setting: vault.read(name) for setting, name in asked.items()}}
